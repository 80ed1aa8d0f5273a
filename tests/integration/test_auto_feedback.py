"""The loop of the stream processors on a live broker, each a process: samples to bands, losses to variants, outputs to rewards."""

import psutil
import pytest
from worker_process import ONTOLOGY, WorkerProcess, eventually

from schemas.fact import Fact
from schemas.model_output import ModelOutput
from schemas.sample import Sample
from schemas.sample_loss import SampleLoss
from schemas.training_sample import BANDS, Objective, SourcePosition, TrainingSample
from streams.curriculum.task_detector import to_training_sample
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer

FACTS = [
    ("Dune", "written_by", "Frank Herbert"),
    ("Frank Herbert", "born_in", "Tacoma"),
    ("Emma", "written_by", "Jane Austen"),
    ("Jane Austen", "born_in", "Steventon"),
    ("Dune", "alias", "Dune Chronicles One"),
]
HARD = Sample(sample_id="hard", prompt="Who is the author of Dune?", answer="Frank Herbert", gold=("Frank Herbert",))


@pytest.fixture
def producer(settings):
    with Producer(settings) as made:
        for subject, predicate, target in FACTS:
            fact = Fact(subject=subject, predicate=predicate, object=target)
            made.send(settings.topics.facts, fact.fact_id, fact)
        made.flush()
        yield made


@pytest.fixture
def start(settings, tmp_path):
    """Starts workers with this test's ontology and a state folder each, and ends them all."""
    (tmp_path / "books.yaml").write_text(ONTOLOGY)
    started = []

    def starting(kind, *options, state=None):
        folder = ["--state-dir", str(tmp_path / (state or kind))]
        worker = WorkerProcess(kind, settings, tmp_path, "--ontology", "books.yaml", *folder, *options)
        started.append(worker)
        return worker.ready()

    yield starting
    for worker in started:
        worker.__exit__()


def push(producer, settings, samples):
    for sample in samples:
        producer.send(settings.topics.samples, sample.sample_id, sample)
    producer.flush()


def banded(settings, objective=Objective.SFT):
    """Every record of the band topics, decoded, with the band it lies in."""
    return [
        (band, TrainingSample.decode(record.value))
        for band in range(BANDS)
        for record in read_range(settings, settings.topics.band(objective, band).name)
    ]


def banded_ids(settings, objective=Objective.SFT):
    return {sample.sample_id for _, sample in banded(settings, objective)}


def decoded(topic, settings):
    return [topic.value.decode(record.value) for record in read_range(settings, topic.name)]


def loss_of(sample, loss, run_id="r1", pass_number=2, number=0):
    return SampleLoss(
        event_id=f"{run_id}/{pass_number}/{sample.sample_id}/{number}",
        run_id=run_id,
        pass_number=pass_number,
        step=1,
        sample_id=sample.sample_id,
        loss=loss,
        tokens=3,
        sample=to_training_sample(sample),
    )


def send_losses(producer, settings, run_id="r1", high=(HARD,), normal=60):
    """Normal losses on every partition, then high ones."""
    for number in range(normal):
        sample = Sample(sample_id=f"easy-{number}", prompt="Who is the author of Emma?", answer="Jane Austen")
        producer.send(settings.topics.losses, sample.sample_id, loss_of(sample, 0.5, run_id, number=number))
    producer.flush()
    for sample in high:
        producer.send(settings.topics.losses, sample.sample_id, loss_of(sample, 9.0, run_id))
    producer.flush()


def test_a_sample_reaches_a_band_with_its_difficulty_measured_on_the_facts_and_another_runs_does_not(settings, producer, start):
    start("curriculum", "--run-id", "r1")
    push(producer, settings, [Sample(sample_id="other", text="two", run_id="r2")])
    far = Sample(sample_id="far", prompt="Where was the author of Dune born?", answer="Tacoma")
    near = Sample(sample_id="near", prompt="Who wrote Dune?", answer="Frank Herbert", run_id="r1")
    question = Sample(sample_id="ask", task="rlhf_grpo", prompt="Who wrote Emma?", gold=("Jane Austen",))
    pair = Sample(sample_id="pair", prompt="Who wrote Emma?", chosen="Jane Austen", rejected="Frank Herbert")
    push(producer, settings, [near, far, question, pair])
    eventually(lambda: banded_ids(settings) == {"far", "near"}, "two samples in bands")
    found = {sample.sample_id: (band, sample) for band, sample in banded(settings)}
    for band, sample in found.values():
        assert sample.band == band
        assert sample.facts_offset == len(FACTS)
        assert sample.source == SourcePosition.model_validate(sample.source.model_dump() | {"topic": settings.topics.samples.name})
    assert found["near"][1].difficulty.hops == 1
    assert found["far"][1].difficulty.hops == 2
    eventually(lambda: banded_ids(settings, Objective.PROMPT) == {"ask"}, "the prompt")
    eventually(lambda: banded_ids(settings, Objective.PREFERENCE) == {"pair"}, "the pair")


def test_a_high_loss_comes_back_as_variants_in_bands_and_sent_twice_it_makes_no_second_ones(settings, producer, start):
    start("curriculum")
    worker = start("augmenter")
    send_losses(producer, settings)
    variants = eventually(lambda: decoded(settings.topics.samples, settings), "variants")
    eventually(lambda: banded_ids(settings) >= {variant.sample_id for variant in decoded(settings.topics.samples, settings)}, "bands")
    assert 1 <= len(variants) <= 2
    for variant in variants:
        assert (variant.parent_id, variant.generation, variant.origin, variant.run_id) == ("hard", 1, "augmenter", "r1")
        assert variant.answer == "Frank Herbert"
        assert variant.prompt != HARD.prompt
    producer.send(settings.topics.losses, "hard", loss_of(HARD, 9.0))
    producer.flush()
    eventually(lambda: worker.metric("pelton_records_skipped_total", why="seen before") == 1, "the duplicate")
    assert len(decoded(settings.topics.samples, settings)) == len(variants)


def test_no_variant_of_a_normal_loss_an_odd_pass_a_held_out_sample_or_a_variant(settings, producer, start):
    worker = start("augmenter", "--run-id", "r1")
    send_losses(producer, settings, high=[])
    held_out = HARD.model_copy(update={"sample_id": "held-out", "split": "validation"})
    child = HARD.model_copy(update={"sample_id": "child", "generation": 1})
    sent = [loss_of(held_out, 9.0), loss_of(child, 9.0), loss_of(HARD, 9.0, run_id="another")]
    sent += [loss_of(HARD.model_copy(update={"sample_id": f"odd-{n}"}), 9.0 + n, pass_number=1) for n in range(60)]
    for loss in sent:
        producer.send(settings.topics.losses, loss.sample_id, loss)
    producer.flush()
    eventually(lambda: worker.metric("pelton_records_in_total") == 60 + len(sent), "all losses read")
    assert decoded(settings.topics.samples, settings) == []
    for why in ("held out", "generation cap", "another run's", "not in this pass"):
        assert worker.metric("pelton_records_skipped_total", why=why) >= 1, why


def test_a_killed_curriculum_loses_no_sample_and_places_the_rest_as_if_nothing_had_been(settings, producer, start):
    samples = [Sample(sample_id=f"s{n}", prompt="word " * (1 + n * 7919 % 97), answer="a") for n in range(1, 3001)]
    worker = start("curriculum")
    push(producer, settings, samples[:1500])
    eventually(lambda: worker.metric("pelton_records_in_total") > 200, "some work")
    worker.kill()
    push(producer, settings, samples[1500:])
    start("curriculum")
    wanted = {sample.sample_id for sample in samples}
    eventually(lambda: banded_ids(settings) == wanted, "every sample in a band")
    counts = [sum(band == number for band, _ in banded(settings)) for number in range(BANDS)]
    assert min(counts) > 300, f"the distribution was kept: {counts}"


def test_a_killed_augmenter_loses_no_variant_and_keeps_its_threshold_and_without_its_folder_reads_that_from_the_log(
    settings, producer, start
):
    worker = start("augmenter", state="one")
    send_losses(producer, settings, high=[])
    eventually(lambda: worker.metric("pelton_records_in_total") == 60, "all losses read")
    worker.kill()
    producer.send(settings.topics.losses, "hard", loss_of(HARD, 9.0))  # the one high loss, and no further warm-up
    producer.flush()
    worker = start("augmenter", state="one")
    variants = eventually(lambda: decoded(settings.topics.samples, settings), "variants")
    assert {variant.parent_id for variant in variants} == {"hard"}
    assert worker.stop() == 0
    assert not [line for line in worker.stderr.splitlines() if line.startswith("error:") or "Traceback" in line]
    another = HARD.model_copy(update={"sample_id": "hard-2"})
    producer.send(settings.topics.losses, "hard-2", loss_of(another, 9.0))
    producer.flush()
    start("augmenter", state="another")
    eventually(lambda: "hard-2" in {variant.parent_id for variant in decoded(settings.topics.samples, settings)}, "its variants")


def test_two_runs_on_one_broker_do_not_read_each_others_losses(settings, producer, start):
    first, second = start("augmenter", "--run-id", "r1", state="a"), start("augmenter", "--run-id", "r2", state="b")
    send_losses(producer, settings, "r1")
    send_losses(producer, settings, "r2", high=[HARD.model_copy(update={"sample_id": "hard-2"})])
    for worker in (first, second):
        eventually(lambda worker=worker: worker.metric("pelton_records_in_total") == 122, "all losses read by both")
    for worker in (first, second):
        eventually(
            lambda worker=worker: worker.metric("pelton_records_skipped_total", why="another run's") == 61, "the other's passed over"
        )
    eventually(lambda: len({variant.run_id for variant in decoded(settings.topics.samples, settings)}) == 2, "variants of both")
    made_by = {(variant.run_id, variant.parent_id) for variant in decoded(settings.topics.samples, settings)}
    assert made_by == {("r1", "hard"), ("r2", "hard-2")}


def answer(prompt_id, completion, run_id="r1", **fields):
    prompt = "Who is the author of Dune?"
    return ModelOutput(prompt_id=prompt_id, prompt=prompt, completion=completion, model_version=f"{run_id}/1", run_id=run_id, **fields)


def send_outputs(producer, settings, outputs):
    for output in outputs:
        producer.send(settings.topics.outputs, output.prompt_id, output)
    producer.flush()


def test_an_output_comes_back_as_a_reward_with_claims_and_verdicts_and_a_good_and_a_bad_one_as_a_pair_in_a_band(settings, producer, start):
    start("curriculum")
    worker = start("feedback", "--preferences")
    send_outputs(
        producer,
        settings,
        [
            answer("right", "Dune was written by Frank Herbert.", phase="before", gold=("Frank Herbert",)),
            answer("wrong", "Dune was written by Jane Austen.", phase="train"),
            answer("silent", "I cannot say."),
        ],
    )
    eventually(lambda: len(decoded(settings.topics.rewards, settings)) == 3, "three rewards")
    rewards = {reward.prompt_id: reward for reward in decoded(settings.topics.rewards, settings)}
    right, wrong, silent = rewards["right"], rewards["wrong"], rewards["silent"]
    assert (right.reward, wrong.reward, silent.reward) == (1.0, 0.0, None)
    assert (right.run_id, right.phase, right.model_version, right.exact) == ("r1", "before", "r1/1", True)
    assert right.graph_version == len(FACTS)
    (claim,) = right.triplets
    assert (claim.verdict.value, claim.triplet.predicate, claim.triplet.object) == ("verified", "written_by", "Frank Herbert")
    assert len(claim.fact_ids) == 1
    assert wrong.triplets[0].verdict.value == "contradicted"
    assert silent.status.value == "no_claims"
    assert worker.metric("reward_avg", run_id="r1") == 0.5
    good, bad = "Dune was written by Frank Herbert.", "Dune was written by Jane Austen."
    send_outputs(producer, settings, [answer("ask", good, phase="train"), answer("ask", bad, phase="train")])
    eventually(lambda: banded_ids(settings, Objective.PREFERENCE), "a pair")
    ((_, pair),) = banded(settings, Objective.PREFERENCE)
    assert (pair.chosen, pair.rejected, pair.origin, pair.run_id, pair.parent_id) == (good, bad, "feedback", "r1", "ask")


def ten_of_each(settings):
    """The rewards, when as many are there as outputs were sent: a worker counts an output before its reward is committed."""
    rewards = decoded(settings.topics.rewards, settings)
    return rewards if len(rewards) >= 20 else None


def test_two_runs_on_one_broker_do_not_read_each_others_outputs(settings, producer, start):
    first, second = start("feedback", "--run-id", "r1"), start("feedback", "--run-id", "r2")
    text = "Dune was written by Frank Herbert."
    send_outputs(producer, settings, [answer(f"{run}-{n}", text, run) for run in ("r1", "r2") for n in range(10)])
    for worker in (first, second):
        eventually(lambda worker=worker: worker.metric("pelton_records_in_total") == 20, "all outputs read by both")
        eventually(
            lambda worker=worker: worker.metric("pelton_records_skipped_total", why="another run's") == 10, "the other run's skipped"
        )
    rewards = eventually(lambda: ten_of_each(settings), "a reward for each run's outputs")
    assert sorted(reward.prompt_id for reward in rewards) == sorted(f"{run}-{n}" for run in ("r1", "r2") for n in range(10))
    assert all(reward.prompt_id.startswith(reward.run_id) for reward in rewards)


def test_a_killed_feedback_node_loses_no_output_and_leaves_no_process(settings, producer, start):
    worker = start("feedback")
    outputs = [answer(f"p{n}", f"Dune was written by Frank Herbert. It has {n} pages.") for n in range(400)]
    send_outputs(producer, settings, outputs)
    children = psutil.Process(worker.process.pid).children(recursive=True)
    eventually(lambda: decoded(settings.topics.rewards, settings), "some work")
    worker.kill()
    assert psutil.wait_procs(children, timeout=30)[1] == []
    assert len({reward.prompt_id for reward in decoded(settings.topics.rewards, settings)}) < len(outputs), "it was killed at work"
    start("feedback")
    wanted = {output.output_id for output in outputs}
    eventually(lambda: {reward.output_id for reward in decoded(settings.topics.rewards, settings)} == wanted, "every output judged")
