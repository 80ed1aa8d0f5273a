"""What `pelton export` and `pelton ask` promise, on a real checkpoint of a model that has learnt one answer by heart."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.ask import ask
from cli.export import export
from schemas.errors import UserError
from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.consumer import Record
from tests.models.tiny import build

QUESTION = "who composed Carmen?"
ANSWER = "Carmen was composed by Rossini."
ONTOLOGY = """
predicates:
  composed_by:
    functional: true
    nouns: [composer]
    phrases: ["{object} composed {subject}", "{subject} was composed by {object}"]
"""
FACTS = "subject,predicate,object,source\nCarmen,composed_by,Georges Bizet,a library\n"


@pytest.fixture(scope="module", params=[16, 0], ids=["lora", "all weights"])
def run_dir(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with one checkpoint."""
    from trainer_node.config import TrainConfig
    from trainer_node.data.batch import StepBatch, WaitingSample
    from trainer_node.data.tokenization import format_sft
    from trainer_node.kinds import TrainerKind
    from trainer_node.models.restore import load_for_training
    from trainer_node.training.callbacks import StepCallback
    from trainer_node.training.factory import build_trainer
    from trainer_node.training.step_loader import StepLoader

    folder = tmp_path_factory.mktemp("run")
    model = build(tmp_path_factory.mktemp("tiny"))
    config = TrainConfig(model=str(model), bits=32, lora_r=request.param, lr=2e-2 if request.param else 5e-3, trainer="sft")
    loaded = load_for_training(config, None)
    sample = TrainingSample(
        sample_id="s", objective=Objective.SFT, task=Task.QA, band=0,
        prompt=(Turn(role="user", content=QUESTION),), completion=ANSWER,
    )  # fmt: skip
    item = WaitingSample(Record("t", 0, 0, None, b"", (), 0), sample, format_sft(sample, loaded.tokenizer, 128))
    batches = (StepBatch(step, 1, Objective.SFT, [item]) for step in range(1, 151))
    losses: list[float] = []
    trainer = build_trainer(
        TrainerKind.SFT, loaded, config, folder, [StepCallback(lambda: None, lambda: losses.append(stream.step_loss() or 0.0))]
    )
    stream = StepLoader(lambda: next(batches, None) if not losses or losses[-1] > 0.01 else None, 1, loaded.tokenizer.pad_token_id)
    trainer.feed_from(stream)
    trainer.train()
    commit(folder, trainer, loaded, str(model))
    return folder


def commit(folder: Path, trainer: Any, loaded: Any, model: str) -> None:
    """As a run does."""
    from trainer_node.commit.fencing import Fence
    from trainer_node.commit.journal import Journal
    from trainer_node.commit.ledger import Ledger
    from trainer_node.commit.manifest import RunState
    from trainer_node.commit.state import FeedState
    from trainer_node.commit.store import CheckpointStore
    from trainer_node.models.restore import save_for_resume

    fence = Fence(folder)
    fence.resumed_from(0, 0)
    with contextlib.closing(Journal(folder / "journal", fence.epoch)) as journal:
        journal.take_over("start")
        store = CheckpointStore(folder, fence, journal, Ledger(folder / "ledger"))
        feed = FeedState(objective=Objective.SFT, step=150)
        state = RunState(
            run_id="r", step=150, serial=1, config_hash="h", base_model=str(model), feed=feed, precision=loaded.precision,
            trainers={Objective.SFT: "sft"},
        )  # fmt: skip
        store.commit(lambda: state, lambda path: save_for_resume({Objective.SFT: trainer}, loaded, path), lambda: None, lambda _: None)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "facts.csv").write_text(FACTS, encoding="utf-8")
    (tmp_path / "music.yaml").write_text(ONTOLOGY, encoding="utf-8")
    return ["--facts", str(tmp_path / "facts.csv"), "--ontology", str(tmp_path / "music.yaml")]


def run(command: Any, *arguments: Any) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.eval()(input_ids=torch.arange(4, 60).view(2, 28)).logits


def test_plain_transformers_loads_an_export_and_its_logits_are_those_of_the_checkpoint(run_dir, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainer_node.commit.manifest import checkpoints
    from trainer_node.models.restore import load_for_asking

    newest = checkpoints(run_dir)[-1]
    result = run(export, newest.path, "--merge", tmp_path / "out")
    assert result.exit_code == 0
    assert f"wrote {tmp_path / 'out'}: " in result.output
    assert "in float32" in result.output
    assert "mean KL" in result.output
    assert "100.0% of" in result.output
    assert not list((tmp_path / "out").glob("adapter*"))
    assert list((tmp_path / "out").glob("*.safetensors"))
    exported = logits(AutoModelForCausalLM.from_pretrained(tmp_path / "out"))
    torch.testing.assert_close(exported, logits(load_for_asking(str(newest.path), bits=32).model), rtol=1e-4, atol=1e-3)
    base = logits(AutoModelForCausalLM.from_pretrained(newest.manifest.base_model))
    assert (exported - base).abs().max() > 1, "else training would have left no mark"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.chat_template
    assert tokenizer("Carmen")["input_ids"] == AutoTokenizer.from_pretrained(newest.manifest.base_model)("Carmen")["input_ids"]


def test_an_exported_model_stops_where_its_answer_is_over_in_plain_transformers(run_dir, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run(export, run_dir, "--merge", tmp_path / "out")
    model, tokenizer = (kind.from_pretrained(tmp_path / "out") for kind in (AutoModelForCausalLM, AutoTokenizer))
    said = json.loads((tmp_path / "out" / "generation_config.json").read_text(encoding="utf-8"))
    assert said["eos_token_id"] == [tokenizer.eos_token_id]
    assert said["pad_token_id"] == tokenizer.pad_token_id != tokenizer.eos_token_id
    asked = tokenizer.apply_chat_template([{"role": "user", "content": QUESTION}], add_generation_prompt=True, return_tensors="pt")
    answered = model.generate(**asked, max_new_tokens=100, do_sample=False)[0, asked["input_ids"].shape[1] :]
    assert tokenizer.decode(answered) == f"{ANSWER}{tokenizer.eos_token}"


def test_a_runs_folder_means_its_newest_checkpoint_and_what_is_none_is_refused(run_dir, tmp_path):
    assert run(export, run_dir, "--merge", tmp_path / "out").exit_code == 0
    again = run(export, run_dir, "--merge", tmp_path / "out")
    assert again.exit_code == 2
    assert "is not empty" in again.output
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UserError, match="neither a checkpoint nor a run's folder"):
        run(export, tmp_path / "nothing", "--merge", tmp_path / "other")


def test_a_checkpoint_answers_and_so_does_its_export(run_dir, tmp_path):
    assert run(ask, run_dir, QUESTION).output.strip() == ANSWER
    run(export, run_dir, "--merge", tmp_path / "out")
    assert run(ask, tmp_path / "out", *QUESTION.split()).output.strip() == ANSWER, "a question may come unquoted"


def test_facts_are_named_as_everywhere_by_file_folder_or_pattern(tmp_path, files):
    for named in (tmp_path / "facts.csv", tmp_path / "*.csv"):
        given = ask.make_context("ask", ["m", "Who?", "--facts", str(named)]).params["facts"]
        assert given == (tmp_path / "facts.csv",)


def test_with_facts_each_claim_of_the_answer_has_its_verdict(run_dir, files):
    shown = run(ask, run_dir, QUESTION, *files).output
    assert shown.startswith(ANSWER)
    assert "reward 0.00  of 1 claim: 0 verified, 1 contradicted, 0 unknown" in shown
    assert "Georges Bizet composed Carmen" in shown
    said = json.loads(run(ask, run_dir, QUESTION, *files, "--json").output)
    assert (said["question"], said["answer"]) == (QUESTION, ANSWER)
    (claim,) = said["judgement"]["triplets"]
    assert (claim["verdict"], claim["triplet"]["object"]) == ("contradicted", "Rossini")
    assert json.loads(run(ask, run_dir, QUESTION, "--json").output)["judgement"] is None


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no model at .*gone"):
        run(ask, tmp_path / "gone", "what?")


@pytest.mark.slow
def test_the_small_model_is_asked_and_judged(files):
    said = json.loads(run(ask, "default", "Who composed the opera Carmen?", *files, "--max-new-tokens", "24", "--json").output)
    assert said["answer"]
    assert said["judgement"]["status"] in {"ok", "no_claims", "no_answerable"}
