"""A Modelfile's template writes what the model's own template writes: run by Go's text/template, which is what Ollama runs."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.models import chat
from trainer_node.models.ollama import go_template, modelfile, parts_of

TURNS = [
    {"role": "user", "content": 'How {{far}} is "it"?\nReally?'},
    {"role": "assistant", "content": "A\\way."},
    {"role": "user", "content": "And\tthen?"},
]
SYSTEM = {"role": "system", "content": "Be brief."}
REGULAR = ("qwen2_5", "zephyr", "llama3")
MAIN = """package main
import ("encoding/json"; "os"; "text/template")
type Turn struct { Role, Content string }
func main() {
  var all []struct{ Template string; Messages []Turn }
  json.NewDecoder(os.Stdin).Decode(&all)
  out := []string{}
  for _, one := range all {
    f, _ := os.CreateTemp("", "t"); t := template.Must(template.New("t").Parse(one.Template))
    if err := t.Execute(f, one); err != nil { panic(err) }
    text, _ := os.ReadFile(f.Name()); os.Remove(f.Name()); out = append(out, string(text))
  }
  json.NewEncoder(os.Stdout).Encode(out)
}
"""


def templates() -> list[str]:
    from importlib.resources import files

    return sorted(path.name.removesuffix(".jinja") for path in (files("trl") / "chat_templates").iterdir() if path.name.endswith(".jinja"))


@pytest.mark.parametrize(
    "name", [name for name in templates() if any(name.startswith(key) for key in chat.SPECIAL)] + ["mistral", "zephyr"]
)
def test_the_parts_of_a_template_make_its_text_or_there_are_none(name):
    tokenizer = chat.tokenizer(name)
    parts = parts_of(tokenizer)
    if parts is None:
        assert "TEMPLATE" not in modelfile(tokenizer, "m.gguf")
        return
    wanted = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    assert wanted.endswith(parts.text(TURNS))
    assert 'PARAMETER stop "' in modelfile(tokenizer, "m.gguf")


def test_of_several_templates_by_name_the_one_that_is_trained_is_written():
    tokenizer = copy.deepcopy(chat.tokenizer("qwen2_5"))
    wanted = modelfile(tokenizer, "m.gguf")
    tokenizer.chat_template = {"default": tokenizer.chat_template, "tool_use": "{{ 'of tools' }}"}
    assert 'TEMPLATE """' in wanted
    assert modelfile(tokenizer, "m.gguf") == wanted


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ raise_exception('no system here') }}", "does not take some plain conversations (TemplateError: no system here)"),
        ("{% for m in messages %}{{ loop.index }}{{ m.content }};{% endfor %}", "does not write every turn alike"),
        ("{{ 1 + 'a' }}", "TypeError"),
    ],
)
def test_a_modelfile_without_a_template_says_truly_why(template, told):
    tokenizer = copy.deepcopy(chat.tokenizer("qwen2_5"))
    tokenizer.chat_template = template
    lines = modelfile(tokenizer, "m.gguf").splitlines()
    (comment,) = (line for line in lines if line.startswith("#"))
    assert told in comment
    assert not [line for line in lines if line.startswith("TEMPLATE")]


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go")
def test_go_writes_the_model_s_own_text(tmp_path: Path):
    asked, wanted = [], []
    for name in REGULAR:
        tokenizer = chat.tokenizer(name)
        parts = parts_of(tokenizer)
        assert parts is not None, name
        for turns in (TURNS[:1], TURNS, [SYSTEM, *TURNS]):
            asked.append({"Template": go_template(parts), "Messages": [{k.title(): v for k, v in turn.items()} for turn in turns]})
            wanted.append(parts.text(turns))
    (tmp_path / "main.go").write_text(MAIN, encoding="utf-8")
    done = subprocess.run(
        ["go", "run", str(tmp_path / "main.go")], input=json.dumps(asked), capture_output=True, encoding="utf-8", timeout=300, check=True
    )
    assert json.loads(done.stdout) == wanted
