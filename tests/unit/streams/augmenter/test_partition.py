"""When samples get variants, and which: the decisions of one partition, with a real graph and real texts."""

import json
import random
from contextlib import contextmanager

import pytest

from schemas.fact import Fact
from schemas.sample import Sample, Split
from schemas.sample_loss import SampleLoss
from streams.augmenter.config import AugmenterConfig
from streams.augmenter.families import CONTROLS, FAMILIES_OF_A_RECIPE, Fall, is_control, uplift_of
from streams.augmenter.held_out import HeldOut
from streams.augmenter.ids import MOST_VARIANTS, variant_id
from streams.augmenter.maker import Maker
from streams.augmenter.paraphrase import Recipe
from streams.augmenter.partition import PartitionLosses
from streams.curriculum.task_detector import to_training_sample
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold
from streams.knowledge.ontology import Ontology

HARD = Sample(sample_id="hard", prompt="Who is the author of Dune?", answer="Frank Herbert")


class Graph:
    """The graph as a view shows it."""

    def __init__(self, aliases=()):
        ontology = {
            "predicates": {"written_by": {"functional": True, "nouns": ["author"], "phrases": ["{subject} was written by {object}"]}}
        }
        self.graph = Hypergraph(Ontology.from_dict(ontology))
        self.graph.put(Fact(subject="Dune", predicate="written_by", object="Frank Herbert"))
        for name in aliases:
            self.graph.put(Fact(subject="Dune", predicate="alias", object=name))

    @contextmanager
    def locked(self):
        yield self.graph


class Known:
    """Held-out samples as the view of them shows them."""

    def __init__(self, *prompts):
        self.texts = HeldOut()
        for prompt in prompts:
            self.texts.add(Sample(split=Split.VALIDATION, prompt=prompt, answer="a"))

    def texts_now(self):
        return self.texts


def partition(held_out=(), aliases=("Dune Chronicles One", "Herbert's Dune", "the novel of Arrakis", "Dune I"), partitions=1, **config):
    config = AugmenterConfig(**{"control": 0.0, "every_samples": 10**6} | config)
    return PartitionLosses(Maker(config, Graph(aliases), Known(*held_out)), config.schedule(partitions))


class Log:
    """Losses as a trainer sends them, one a step, ten milliseconds apart unless said otherwise."""

    def __init__(self, losses):
        self.losses, self.count, self.rng, self.sent = losses, 0, random.Random(3), []

    def send(self, sample, loss, pass_number=1, time_ms=None):
        self.count += 1
        made = SampleLoss(
            event_id=f"r/{pass_number}/{sample.sample_id}/{self.count}", run_id="r", pass_number=pass_number, step=self.count // 8,
            sample_id=sample.sample_id, loss=loss, tokens=3, sample=to_training_sample(sample),
        )  # fmt: skip
        self.sent.append((made, self.count * 10 if time_ms is None else time_ms))
        decision = self.losses.decide(*self.sent[-1])
        return decision._replace(variants=list(decision.variants))

    def calm(self, count, pass_number=1):
        """Losses of other samples, all far below."""
        samples = [Sample(sample_id=f"calm-{self.count + number}", prompt="Who?", answer="I") for number in range(count)]
        return [self.send(sample, self.rng.random(), pass_number) for sample in samples]


def texts(decision):
    return [variant.prompt for variant in decision.variants]


def test_variants_are_made_in_every_second_pass():
    log = Log(partition())
    made = {}
    for number in range(1, 5):
        log.calm(60, number)
        made[number] = log.send(HARD, 9.0, number)
    assert [bool(made[number].variants) for number in made] == [False, True, False, True]
    assert {made[1].why_not, made[3].why_not} == {"not in this pass"}


@pytest.mark.parametrize("partitions", [1, 2])
def test_in_a_stream_without_passes_variants_are_made_after_so_many_samples(partitions):
    log = Log(partition(every_samples=200, partitions=partitions))
    of_partition = 200 // partitions
    log.calm(of_partition - 1)
    assert log.send(HARD, 9.0).why_not == "not in this pass"
    first = log.send(HARD, 9.5)
    assert len(first.variants) == 2
    log.calm(of_partition - 2)
    assert log.send(HARD, 9.9).why_not == "not in this pass"
    assert log.send(HARD, 9.9).variants


def test_and_after_so_many_minutes_where_that_is_asked_for():
    log = Log(partition(every_minutes=10))
    log.calm(60)
    minutes = {9: False, 11: True, 20: False, 22: True}
    assert {at: bool(log.send(HARD, 9.0 + at / 10, time_ms=at * 60_000).variants) for at in minutes} == minutes


def test_variants_are_new_each_time_until_there_are_no_other_words():
    log, seen, ids = Log(partition()), [HARD.prompt], []
    for number in range(2, 30, 2):
        log.calm(60, number)
        decision = log.send(HARD, 9.0 - number / 5, number)
        seen += texts(decision)
        ids += [variant.sample_id for variant in decision.variants]
    assert decision.why_not == "no other words"
    assert len(ids) == len(set(ids)) > 8
    assert len({fold(text) for text in seen}) == len(seen)


def test_of_one_sample_no_more_are_ever_made_than_have_ids_that_can_be_found():
    log = Log(partition())
    log.calm(60, 2)
    first = log.send(HARD, 9.0, 2)
    state = log.losses.to_json()
    state["families"]["families"]["r/hard"]["used"] = MOST_VARIANTS - 1
    log.losses.restore(state)
    log.calm(60, 4)
    last = log.send(HARD, 8.0, 4)
    assert (len(first.variants), len(last.variants)) == (2, 1)
    assert last.variants[0].sample_id == variant_id("hard", 1, MOST_VARIANTS - 1)
    log.calm(60, 6)
    assert log.send(HARD, 7.5, 6).why_not == "no other words"


def state_and_next(losses, log):
    """What a worker knows, and what it would make next."""
    again = Log(losses)
    again.count = log.count
    again.calm(60, 8)
    return texts(again.send(HARD, 7.0, 8))


def test_after_a_restart_the_next_variants_are_those_that_would_have_come_by_file_and_by_log():
    log = Log(partition())
    for number in (2, 4, 6):
        log.calm(60, number)
        log.send(HARD, 9.0 - number / 5, number)
    by_file, by_log = partition(), partition()
    by_file.restore(json.loads(json.dumps(log.losses.to_json())))
    for event in log.sent:
        by_log.decide(*event)
    assert by_log.to_json() == log.losses.to_json()
    expected = state_and_next(log.losses, log)
    assert expected
    assert [state_and_next(losses, log) for losses in (by_file, by_log)] == [expected, expected]


def test_a_loss_that_is_sent_twice_brings_no_second_variants():
    log = Log(partition())
    log.calm(60, 2)
    assert log.send(HARD, 9.0, 2).variants
    again = log.losses.decide(*log.sent[-1])
    assert (list(again.variants), again.why_not) == ([], "seen before")


def test_no_variant_is_made_of_a_held_out_sample_or_comes_near_one():
    log = Log(partition(held_out=["Who is the author of Herbert's Dune?", "Tell me who the writer of Emma is."]))
    seen = []
    for number in range(2, 30, 2):
        log.calm(60, number)
        seen += texts(log.send(HARD, 9.0 - number / 5, number))
    assert len(seen) > 5
    assert not any("Herbert's Dune" in text for text in seen)
    log.calm(60, 30)
    assert log.send(HARD.model_copy(update={"sample_id": "h", "split": Split.VALIDATION}), 9.9, 30).why_not == "held out"
    twin = Log(partition(held_out=[HARD.prompt]))
    twin.calm(60, 2)
    assert twin.send(HARD, 9.0, 2).why_not == "no other words"


def test_each_sample_comes_in_so_many_wordings_from_the_start_and_later_variants_are_others():
    log = Log(partition(wordings=4))
    first = log.send(HARD, 0.5)
    assert len(set(texts(first))) == 3
    assert not log.send(HARD, 0.5, 2).variants
    log.calm(60, 4)
    later = log.send(HARD, 9.0, 4)
    assert len(later.variants) == 2
    assert not {fold(text) for text in texts(later)} & {fold(text) for text in texts(first)}
    assert not {variant.sample_id for variant in later.variants} & {variant.sample_id for variant in first.variants}
    variant = HARD.model_copy(update={"sample_id": "v", "generation": 1})
    assert not log.send(variant, 0.5).variants


def test_only_the_recipes_that_are_asked_for_are_used():
    log = Log(partition(recipes=("names",)))
    log.calm(60, 2)
    assert {variant.recipe for variant in log.send(HARD, 9.0, 2).variants} == {"names"}


def test_a_sample_that_variants_never_help_is_quarantined_until_it_improves():
    log = Log(partition())
    reasons = []
    for number in range(2, 9):
        log.calm(60, number)
        reasons.append(log.send(HARD, 9.0, number).why_not)
    assert reasons == [None, "not in this pass", None, "not in this pass", "quarantined", "not in this pass", "quarantined"]
    assert log.losses.families.quarantined("r") == 1
    log.calm(60, 9)
    log.send(HARD, 3.0, 9)
    log.calm(60, 10)
    assert log.send(HARD, 9.0, 10).variants


def test_a_share_of_the_hard_samples_gets_none_and_is_what_the_others_are_measured_by():
    """Every loss falls by 1; those that got variants by 2 more."""
    log = Log(partition(control=0.3, warm_up=5))
    samples = [HARD.model_copy(update={"sample_id": f"s{n}"}) for n in range(60)]
    for number, sample in enumerate(samples):
        log.calm(19, 2)
        decision = log.send(sample, 9.0 + number / 10, 2)
        assert decision.why_not == ("control group" if is_control(sample.sample_id, 0.3) else None)
    controls = sum(is_control(sample.sample_id, 0.3) for sample in samples)
    assert 8 < controls < 30
    losses = {event.sample_id: event.loss for event, _ in log.sent}
    for sample in samples:
        log.send(sample, losses[sample.sample_id] - (1 if is_control(sample.sample_id, 0.3) else 3), 3)
    found = log.losses.families.uplift("r")
    assert set(found) <= {recipe.value for recipe in Recipe}
    for uplift in found.values():
        assert uplift.mean == pytest.approx(2)
        assert uplift.controls == controls


def falls(mean, count, spread=0.5):
    made, rng = Fall(), random.Random(7)
    for _ in range(count):
        made.add(rng.gauss(mean, spread))
    return made


@pytest.mark.parametrize(
    ("recipe", "count", "controls", "useless"),
    [
        (0.5, 200, 100, True),
        (1.0, 400, 400, False),
        (2.0, 200, 100, False),
        (0.0, FAMILIES_OF_A_RECIPE - 1, 50, False),
        (0.0, 50, CONTROLS - 1, False),
    ],
    ids=["worse than none", "as good as none", "better", "too few", "too few controls"],
)
def test_a_recipe_is_quarantined_when_it_is_known_to_bring_nothing(recipe, count, controls, useless):
    """Control samples fall by 1. What may still help is kept."""
    uplift = uplift_of([{"names": falls(recipe, count), "none": falls(1.0, controls)}])["names"]
    assert uplift.is_none is useless


def test_a_useless_recipe_makes_no_more_variants():
    losses = partition(recipes=("names", "forms"))
    losses.restore(losses.to_json() | {"families": {"families": {}, "runs": {"r": {"losses": 0, "began_ms": 0, "falls": {
        name: {"count": fall.count, "total": fall.total, "squares": fall.squares}
        for name, fall in {"names": falls(0.0, 100), "forms": falls(2.0, 100), "none": falls(1.0, 100)}.items()}}}}})  # fmt: skip
    log = Log(losses)
    log.calm(60, 2)
    assert {variant.recipe for variant in log.send(HARD, 9.0, 2).variants} == {"forms"}
