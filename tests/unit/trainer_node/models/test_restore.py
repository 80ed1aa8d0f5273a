"""What is loaded from a checkpoint is what was trained; a loaded model goes on with another checkpoint's adapter, by `models` alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from schemas.errors import CheckpointError, UserError
from schemas.training_sample import Objective
from tests.models.checkpoints import commit
from trainer_node.commit.manifest import own_folder
from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind
from trainer_node.models import placement
from trainer_node.models.adapters import add_lora
from trainer_node.models.export import export_merged
from trainer_node.models.loader import load_model
from trainer_node.models.restore import find_checkpoint, load_for_asking, load_for_training, save_for_resume, swap_adapter

QUESTION = "what is a?"


def trained(model: Path, seed: int, **settings: Any) -> Any:
    """A run's model that has learnt something."""
    loaded = load_for_training(TrainConfig(model=str(model), bits=32, **settings), None)
    generator = torch.Generator().manual_seed(seed)
    for weight in loaded.model.parameters():
        if weight.requires_grad:
            weight.data.copy_(torch.randn(weight.shape, generator=generator) / 4)
    return loaded


@pytest.fixture(scope="module")
def saved(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two checkpoints of one run."""
    return commit(tmp_path_factory.mktemp("run"), [trained(tiny_model, 1), trained(tiny_model, 2)], tiny_model)


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.eval()(input_ids=torch.arange(4, 60).view(2, 28)).logits  # type: ignore[no-any-return]


def test_a_checkpoint_a_run_and_a_model_are_asked_with_their_own_weights(saved, tiny_model):
    first, second = (logits(load_for_asking(str(path), 32).model) for path in saved)
    assert not torch.allclose(first, second)
    torch.testing.assert_close(first, logits(trained(tiny_model, 1).model))
    asked = load_for_asking(str(saved[0].parent.parent), 32)
    torch.testing.assert_close(logits(asked.model), second, msg="a run's folder means its newest checkpoint")
    base = load_for_asking(str(tiny_model), 32).model
    assert not hasattr(base, "peft_config")
    assert not base.training


def test_a_checkpoint_of_all_weights_is_asked_and_trained_on_with_them(tiny_model, tmp_path):
    whole = trained(tiny_model, 3, lora_r=0)
    (path,) = commit(tmp_path, [whole], tiny_model)
    torch.testing.assert_close(logits(load_for_asking(str(path), 32).model), logits(whole.model))
    again = load_for_training(TrainConfig(model=str(tiny_model), bits=32, lora_r=0), path)
    torch.testing.assert_close(logits(again.model), logits(whole.model))


def test_a_run_goes_on_with_the_adapter_of_its_checkpoint(saved, tiny_model):
    loaded = load_for_training(TrainConfig(model=str(tiny_model), bits=32), saved[1])
    assert loaded.model.training
    torch.testing.assert_close(logits(loaded.model), logits(trained(tiny_model, 2).model))


@pytest.mark.parametrize("settings", [{"lora_r": 4}, {"lora_r": 0}])
def test_a_checkpoint_has_all_that_a_resume_looks_for_and_of_the_model_only_what_is_trained(tiny_model, tmp_path, settings):
    from trainer_node.training.factory import build_trainer

    config = TrainConfig(model=str(tiny_model), bits=32, **settings)
    loaded = trained(tiny_model, 5, **settings)
    trainer = build_trainer(TrainerKind.SFT, loaded, config, tmp_path / "work", [])
    trainer.create_optimizer_and_scheduler(1)
    folder = tmp_path / "saved"
    folder.mkdir()
    save_for_resume({Objective.SFT: trainer}, loaded, folder)
    files = {path.name for path in folder.iterdir()}
    assert files >= {"rng_state.pth", "tokenizer.json", "chat_template.jinja"}
    own = {path.name for path in own_folder(folder, Objective.SFT).iterdir()}
    assert own == {"optimizer.pt", "scheduler.pt", "trainer_state.json"}
    assert "README.md" not in files
    with safe_open(folder / ("adapter_model.safetensors" if settings["lora_r"] else "model.safetensors"), "pt") as file:
        assert all("lora_" in name for name in file.keys()) == bool(settings["lora_r"])  # noqa: SIM118 - it is no mapping
    again = load_for_training(config, folder)
    torch.testing.assert_close(logits(again.model), logits(loaded.model))


# --- another checkpoint's adapter --------------------------------------------------------------------------------------------


ANSWER = """
import json, sys
from pathlib import Path
from trainer_node.models.generation import answer, as_prompt
from trainer_node.models.restore import load_for_asking, swap_adapter

def ask(loaded):
    return answer(loaded.model, loaded.tokenizer, [as_prompt(sys.argv[1])], 12)[0]

first, second = sys.argv[2:]
swapped = load_for_asking(first, 32)
before = ask(swapped)
swap_adapter(swapped, Path(second))
after, wanted = ask(swapped), ask(load_for_asking(second, 32))
forbidden = ('kafka', 'aiokafka', 'faust', 'streams.kafka', 'streams.node', 'trl', 'feedback_node', 'cli', 'trainer_node.training',
             'trainer_node.intake', 'trainer_node.run', 'trainer_node.rewards', 'trainer_node.node')
loop = [name for name in sys.modules if any(name == one or name.startswith(one + '.') for one in forbidden)]
print(json.dumps([before, after, wanted, loop]))
"""


@pytest.mark.processes
def test_another_process_loads_answers_and_swaps_without_the_training_loop_or_kafka(saved):
    command = [sys.executable, "-W", "ignore", "-c", ANSWER, QUESTION, *map(str, saved)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    before, after, wanted, loop = json.loads(done.stdout.splitlines()[-1])
    assert before != after == wanted
    assert loop == [], "nothing of the loop or of Kafka was imported"


def test_a_swapped_model_is_the_other_checkpoint_and_keeps_its_base_in_place(saved):
    loaded = load_for_asking(str(saved[0]), 32)
    places = {name: weight.data_ptr() for name, weight in loaded.model.named_parameters()}
    swap_adapter(loaded, saved[1])
    torch.testing.assert_close(logits(loaded.model), logits(load_for_asking(str(saved[1]), 32).model))
    assert {name: weight.data_ptr() for name, weight in loaded.model.named_parameters()} == places


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"alpha": 8}, "another rank or alpha"),
        ({"lora_r": 8}, "another rank or alpha"),
        ({"lora_r": 0}, "has all weights and no adapter"),
        ("torn", "does not match its hash"),
        ("nothing", "no readable manifest"),
    ],
)
def test_a_checkpoint_that_cannot_be_swapped_in_is_refused_and_the_model_answers_as_before(saved, tiny_model, tmp_path, other, why):
    if isinstance(other, dict):
        (path,) = commit(tmp_path, [trained(tiny_model, 3, **other)], tiny_model)
    elif other == "torn":
        (path,) = commit(tmp_path, [trained(tiny_model, 3)], tiny_model)
        weights = path / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4] + b"torn")
    else:
        path = tmp_path
    loaded = load_for_asking(str(saved[0]), 32)
    before = logits(loaded.model)
    with pytest.raises(CheckpointError, match=why):
        swap_adapter(loaded, path)
    assert torch.equal(logits(loaded.model), before)


def test_a_model_without_an_adapter_is_told_to_load_the_checkpoint(saved, tiny_model):
    with pytest.raises(CheckpointError, match="load the checkpoint anew"):
        swap_adapter(load_for_asking(str(tiny_model), 32), saved[0])


# --- export and finding ------------------------------------------------------------------------------------------------------


def test_an_export_is_merged_in_32_bits_where_fewer_are_the_default(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(placement, "cpu_has_bfloat16", lambda: True)
    export_merged(saved[0], tmp_path / "out")
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float32}  # noqa: SIM118 - it is no mapping
    exported = logits(load_model(tmp_path / "out", bits=32, device="cpu").model)
    torch.testing.assert_close(exported, logits(load_for_asking(str(saved[0]), 32).model), rtol=1e-4, atol=1e-4)


def test_an_export_has_the_scale_of_the_checkpoints_adapter(tiny_model, tmp_path):
    """Its alpha is not the default's."""
    loaded = trained(tiny_model, 4, lora_r=4, alpha=4)
    (path,) = commit(tmp_path / "run", [loaded], tiny_model)
    export_merged(path, tmp_path / "out")
    exported = logits(load_model(tmp_path / "out", bits=32, device="cpu").model)
    torch.testing.assert_close(exported, logits(loaded.model), rtol=1e-4, atol=1e-4)
    other = add_lora(load_model(tiny_model, bits=32, device="cpu").model, r=4, alpha=8)
    other.load_state_dict(loaded.model.state_dict())
    assert not torch.allclose(exported, logits(other), atol=1e-2)


def test_what_is_no_checkpoint_is_not_exported(tiny_model, tmp_path):
    with pytest.raises(UserError, match="neither a checkpoint nor a run's folder"):
        export_merged(tiny_model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_is_found_in_its_own_folder_in_a_run_s_and_in_a_demo_s(saved, tmp_path):
    run_dir = saved[0].parent.parent
    for path, wanted in ((saved[0], saved[0]), (run_dir, saved[1])):
        found = find_checkpoint(path)
        assert found is not None
        assert found.path == wanted
    (tmp_path / "training").symlink_to(run_dir)
    found = find_checkpoint(tmp_path)
    assert found is not None
    assert found.manifest.step == 2
    assert find_checkpoint(tmp_path / "nothing") is None


def test_a_run_whose_checkpoints_are_all_torn_says_where_to_look(tiny_model, tmp_path):
    (path,) = commit(tmp_path, [trained(tiny_model, 1)], tiny_model)
    (path / "adapter_model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no checkpoint that is whole: see `pelton checkpoints list"):
        load_for_asking(str(tmp_path))
