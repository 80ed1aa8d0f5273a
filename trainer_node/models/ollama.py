"""An Ollama Modelfile for a GGUF file: its template in Ollama's language, made of what the model's own template writes.

Ollama knows the templates of well-known models and takes none that it does not know. So the parts around each turn are read from the
model's own rendering of conversations, and what they make is compared with it: a template that writes a turn otherwise from place to place
has no such parts, and is left to Ollama.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from trainer_node.data.batch_tokenizer import BatchTokenizer
from trainer_node.data.rendering import PLAIN_LAYOUT

SAID = ("Aspen", "Birch", "Cedar", "Dogwood")
"""What stands in the turns that are rendered."""


class Parts(NamedTuple):
    """What a template writes around turns."""

    head: str
    """Before the first turn, where there is no system message."""
    system: tuple[str, str]
    """Before and behind a system message; what is before it begins the text."""
    user: tuple[str, str]
    assistant: tuple[str, str]
    ready: str
    """Behind the last turn, for the answer."""

    def text(self, turns: list[dict[str, str]]) -> str:
        """A conversation, ready for the answer."""
        around = {"system": self.system, "user": self.user, "assistant": self.assistant}
        whole = "" if turns[0]["role"] == "system" else self.head
        return whole + "".join(around[turn["role"]][0] + turn["content"] + around[turn["role"]][1] for turn in turns) + self.ready


def modelfile(tokenizer: Any, gguf: str) -> str:
    """The Modelfile of a GGUF file that stands beside it."""
    lines = [f"FROM ./{gguf}"]
    try:
        lines.append(f'TEMPLATE """{go_template(split(tokenizer))}"""')
    except NoPartsError as error:
        lines.append(f"# No template is written here: {error}. Ollama takes the model's own, which is in the GGUF file, if it knows it.")
    stops = [tokenizer.convert_ids_to_tokens(number) for number in BatchTokenizer.of(tokenizer).stops]
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    lines.append("PARAMETER temperature 0")
    return "\n".join(lines) + "\n"


def go_template(parts: Parts) -> str:
    """As Ollama reads it: Go's text/template over .Messages."""

    def turn(around: tuple[str, str]) -> str:
        return quoted(around[0]) + "{{ .Content }}" + quoted(around[1])

    return (
        '{{- if or (not .Messages) (ne (index .Messages 0).Role "system") }}' + quoted(parts.head) + "{{- end }}"
        '{{- range .Messages }}{{- if eq .Role "system" }}' + turn(parts.system) + '{{- else if eq .Role "user" }}' + turn(parts.user)
        + '{{- else if eq .Role "assistant" }}' + turn(parts.assistant) + "{{- end }}{{- end }}" + quoted(parts.ready)
    )  # fmt: skip


def quoted(text: str) -> str:
    """A text as a Go template writes it, whatever its characters and the white space around it."""
    if not text:
        return ""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '{{ "' + escaped + '" }}'


def parts_of(tokenizer: Any) -> Parts | None:
    """What the model's template writes around turns; None where that is not the same from place to place."""
    try:
        return split(tokenizer)
    except NoPartsError:
        return None


class NoPartsError(Exception):
    """A template cannot be written in Ollama's language; says why."""


def split(tokenizer: Any) -> Parts:
    """As `parts_of`. Raises NoPartsError where there are none."""
    try:
        parts, bos = _parts(tokenizer)
        is_same = all(bos + parts.text(turns) == _rendered(tokenizer, turns, True) for turns in _conversations())
    except Exception as error:  # a template is a program of somebody's: what it refuses, it raises
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise NoPartsError(f"the model's own template does not take some plain conversations ({why})") from error
    if not is_same:
        raise NoPartsError("the model's own template does not write every turn alike")
    return parts


def _parts(tokenizer: Any) -> tuple[Parts, str]:
    """What is written around turns in one conversation, and the token before them that Ollama writes itself."""
    system, first, answer, second = SAID
    opened = _rendered(tokenizer, [_turn("user", first)])
    answered = _rendered(tokenizer, [_turn("user", first), _turn("assistant", answer)])
    asked = _rendered(tokenizer, [_turn("user", first), _turn("assistant", answer), _turn("user", second)])
    ready = _rendered(tokenizer, [_turn("user", first)], True)
    user = _around(asked.removeprefix(answered), second)
    head = opened.removesuffix(user[0] + first + user[1])
    assistant = _around(answered.removeprefix(opened), answer)
    with_system = _rendered(tokenizer, [_turn("system", system), _turn("user", first)])
    told = _around(with_system.removesuffix(user[0] + first + user[1]), system)
    parts = Parts(_without_bos(head, tokenizer), (_without_bos(told[0], tokenizer), told[1]), user, assistant, ready.removeprefix(opened))
    return parts, "" if head == parts.head else str(tokenizer.bos_token)


def _without_bos(text: str, tokenizer: Any) -> str:
    """Ollama writes the token that begins a text itself."""
    return text.removeprefix(tokenizer.bos_token) if tokenizer.bos_token and _adds_bos(tokenizer) else text


def _adds_bos(tokenizer: Any) -> bool:
    ids = tokenizer("x")["input_ids"]
    return bool(ids) and ids[0] == tokenizer.bos_token_id


def _conversations() -> list[list[dict[str, str]]]:
    one, two, three, four = SAID
    plain = [_turn("user", one), _turn("assistant", two), _turn("user", three)]
    return [plain[:1], plain, [_turn("system", four), *plain]]


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _rendered(tokenizer: Any, turns: list[dict[str, str]], ready: bool = False) -> str:
    template = tokenizer.get_chat_template() if tokenizer.chat_template else PLAIN_LAYOUT  # of several by name, the one that is trained
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=ready, chat_template=template))


def _around(text: str, said: str) -> tuple[str, str]:
    before, found, behind = text.partition(said)
    if not found:
        raise ValueError("the turn is not written as it was said")
    return before, behind
