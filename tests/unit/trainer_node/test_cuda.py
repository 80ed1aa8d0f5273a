"""On a CUDA device: models load, every trainer learns, a sample has its own loss, and a run goes on from its checkpoint."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from schemas.sample import Task
from schemas.training_sample import Objective
from tests.models.checkpoints import commit
from tests.models.family_run import train as trained_further
from tests.models.tiny import build
from tests.unit.trainer_node.training.test_rl import GROUPS, Run, gradients
from tests.unit.trainer_node.training.test_trainers import Steps, train
from trainer_node.commit.manifest import own_folder
from trainer_node.config import TrainConfig
from trainer_node.data.tokenization import format_rlhf, format_supervised, prompt_tokens, with_choices
from trainer_node.kinds import TrainerKind
from trainer_node.models.adapters import load_adapter
from trainer_node.models.export import EXACT, export_merged
from trainer_node.models.fidelity import ask_checkpoint, compare
from trainer_node.models.loader import load_model
from trainer_node.models.restore import find_checkpoint, load_checkpoint, load_for_training, save_for_resume
from trainer_node.training import losses
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.evaluation import choose_labels
from trainer_node.training.factory import build_trainer
from trainer_node.training.step_loader import StepLoader

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def needs_unsloth() -> None:
    """Skip where it is not there; not imported here: the loader takes care of what that does to others."""
    if importlib.util.find_spec("unsloth") is None:
        pytest.skip("no Unsloth")


@pytest.fixture(params=["hf", "unsloth"])
def backend(request) -> str:
    if request.param == "unsloth":
        needs_unsloth()
    return request.param


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    model = build(tmp_path / "model", hidden=128)
    return TrainConfig(model=str(model), backend="hf", bits=16, batch_size=4, lr=1e-2, lora_r=16)


@pytest.fixture
def on_either(config, backend) -> TrainConfig:
    return config.model_copy(update={"backend": backend})


@pytest.fixture
def questions(make_sample) -> list:
    return [make_sample(f"s{n}", f"what is {n}?" + " yes" * n, f"{n}{n}.") for n in range(8)]


@pytest.fixture
def prompts(make_sample) -> list:
    return [make_sample(f"p{n}", f"what is {n}?", None, objective=Objective.PROMPT, task=Task.RLHF_GRPO) for n in range(16)]


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_a_model_loads_onto_the_device_in_the_bits_asked_for(config, tokenizer, backend, bits):
    loaded = load_model(config.model, bits=bits, max_seq=64, backend=backend)
    assert (loaded.backend, loaded.bits, loaded.model.device.type) == (backend, bits, "cuda")
    kind = {4: "Linear4bit", 8: "Linear8bitLt", 16: "Linear"}[bits]
    assert type(loaded.model.model.layers[0].mlp.up_proj).__name__ == kind
    ids = torch.tensor([tokenizer("what is 1?")["input_ids"]], device="cuda")
    assert loaded.model(input_ids=ids).logits.isfinite().all()


@pytest.mark.parametrize("kind", [kind for kind in TrainerKind if not kind.is_sequence])
def test_a_trainer_is_trl_s_own_on_either_backend(on_either, tmp_path, kind):
    """Unsloth, imported, puts generated ones in their places, which are other algorithms."""
    config = on_either.model_copy(update={"trainer": kind})
    trainer = build_trainer(kind, load_for_training(config, None), config, tmp_path, [])
    ancestors = [*type(trainer).__mro__, *type(trainer.args).__mro__]
    assert not [ancestor for ancestor in ancestors if "unsloth" in f"{ancestor.__module__}.{ancestor.__name__}".lower()]


def test_sft_learns_by_the_fast_path(on_either, questions, tokenizer, tmp_path):
    steps = Steps(questions, lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=30)
    trainer = train(TrainerKind.SFT, steps, on_either, tmp_path)
    assert hasattr(trainer.model.get_base_model(), "pelton_fast")
    assert trainer.model_wrapped is trainer.model, "one process trains on one GPU, however many it sees"
    assert steps.losses[-1] < 0.6 * steps.losses[0]


def test_dpo_learns(on_either, make_sample, tokenizer, tmp_path):
    pairs = [
        make_sample(f"p{n}", f"what is {n}?", None, chosen=f"{n}.", rejected="no", objective=Objective.PREFERENCE, task=Task.PREFERENCE)
        for n in range(8)
    ]
    steps = Steps(pairs, lambda sample: format_rlhf(sample, tokenizer, 64), Objective.PREFERENCE, steps=15)
    train(TrainerKind.DPO, steps, on_either.model_copy(update={"dpo_lr": on_either.lr}), tmp_path)
    assert steps.losses[-1] < 0.6 * steps.losses[0]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("grpo", {"num_generations": 8, "beta": 0.02}),
        ("rloo", {"num_generations": 8, "beta": 0.02}),
        ("ppo", {"beta": 0.001, "batch_size": 16}),
    ],
)
def test_rewards_grow(on_either, prompts, tmp_path, kind, settings):
    config = on_either.model_copy(update={"max_seq": 64, "max_new_tokens": 6} | settings)
    run = Run(TrainerKind(kind), config, prompts, tmp_path, steps=25).train()
    assert run.mean_rewards(20, 25) > 1.5 * run.mean_rewards(0, 5)


@pytest.mark.parametrize("kind", GROUPS)
@pytest.mark.parametrize("missing", [[1], [4, 5, 6, 7]], ids=["one", "a whole group"])
def test_a_completion_without_a_reward_is_in_no_part_of_the_gradient(on_either, prompts, tmp_path, kind, missing):
    config = on_either.model_copy(update={"max_seq": 64, "max_new_tokens": 6, "accumulation": 2})
    trained, wanted = gradients(kind, config, prompts, tmp_path, missing)
    off = sum((trained[name] - gradient).square().sum().item() for name, gradient in wanted.items())
    assert off**0.5 < 0.05 * sum(gradient.square().sum().item() for gradient in wanted.values()) ** 0.5


def test_the_fast_path_gives_each_sample_the_loss_of_the_ordinary_one(on_either, questions, tokenizer):
    loaded = load_for_training(on_either, None)
    examples = [format_supervised(sample, tokenizer, 64) for sample in questions]
    inputs = {name: tensor.cuda() for name, tensor in losses.collate(examples, tokenizer.pad_token_id).inputs().items()}
    fast, tokens = losses.sample_losses(*losses.token_losses(loaded.model, inputs))
    with torch.no_grad():  # which the fast path does not take
        ordinary, same_tokens = losses.sample_losses(*losses.token_losses(loaded.model, inputs))
    assert tokens == same_tokens
    assert fast == pytest.approx(ordinary, rel=0.02)


def on_both(config, use) -> list:
    """What `use` makes of the same model, loaded by Unsloth and by Transformers."""
    needs_unsloth()
    return [use(load_for_training(config.model_copy(update={"backend": backend}), None)) for backend in ("unsloth", "hf")]


def test_each_sample_has_the_same_loss_on_unsloth_which_gives_no_logits(config, questions, tokenizer):
    examples = [format_supervised(sample, tokenizer, 64) for sample in questions]

    def each(loaded) -> tuple[list[float], list[int]]:
        inputs = {name: tensor.cuda() for name, tensor in losses.collate(examples, tokenizer.pad_token_id).inputs().items()}
        return losses.sample_losses(*losses.token_losses(loaded.model, inputs))

    (one, tokens), (other, same_tokens) = on_both(config, each)
    assert tokens == same_tokens
    assert one == pytest.approx(other, rel=0.02)


def test_the_likeliest_label_is_the_same_on_both_backends(config, make_sample, tokenizer):
    labels = ("yes", "no", "0 1 2")
    samples = [make_sample(f"c{n}", f"{n} {n}", "yes", task=Task.CLASSIFICATION, label_set=labels) for n in range(8)]
    asked = [prompt_tokens(with_choices(sample), tokenizer) for sample in samples]
    one, other = on_both(config, lambda loaded: choose_labels(loaded.model.eval(), loaded.tokenizer, samples, asked))
    assert sum(a == b for a, b in zip(one, other, strict=True)) >= 7, "a near tie may fall either way in bfloat16"


def test_a_run_goes_on_from_its_checkpoint_with_the_losses_of_an_unbroken_one(on_either, questions, tokenizer, tmp_path):
    steps = Steps(questions, lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=12)
    saved = tmp_path / "saved"

    def run(first: int) -> list[float]:
        steps.step, seen = first, []
        loaded = load_for_training(on_either, None)
        if first:
            load_adapter(loaded.model, saved)

        def after() -> None:
            seen.append(loader.step_loss())
            if steps.step == 6 and not first:
                save_for_resume({Objective.SFT: trainer}, loaded, saved)

        trainer = build_trainer(TrainerKind.SFT, loaded, on_either, tmp_path, [StepCallback(lambda: None, after)])
        loader = StepLoader(steps.next_batch, on_either.accumulation, loaded.tokenizer.pad_token_id)
        trainer.feed_from(loader)
        trainer.train(resume_from_checkpoint=str(own_folder(saved, Objective.SFT)) if first else None)
        return seen

    unbroken = run(0)
    assert unbroken[-1] < 0.95 * unbroken[6], "what is compared moves"
    assert run(6) == pytest.approx(unbroken[6:], rel=0.01)


@pytest.mark.parametrize(("bits", "other"), [(16, 4), (4, 16)])
def test_what_is_exported_by_default_is_nearer_to_the_checkpoint_than_its_adapter_on_a_base_in_other_bits(config, tmp_path, bits, other):
    loaded = load_for_training(config.model_copy(update={"bits": bits}), None)
    trained_further(loaded, steps=30)
    (path,) = commit(tmp_path / "run", [loaded], Path(config.model))
    checkpoint = find_checkpoint(path)
    assert checkpoint is not None
    trained = load_checkpoint(checkpoint)
    assert (trained.bits, trained.precision.quantization) == (bits, "nf4" if bits == 4 else None)
    asked = ask_checkpoint(trained.model, trained.tokenizer, checkpoint)
    exported = export_merged(path, tmp_path / "out")
    assert exported.dtype == "bfloat16"
    assert exported.fidelity.kl <= EXACT
    assert compare(asked, load_checkpoint(checkpoint, other).model).kl > exported.fidelity.kl
