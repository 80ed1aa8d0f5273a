"""The spaCy pipeline: which model, which of its parts, and the tokenizer that gives the parser one word for each name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import spacy
from spacy.attrs import IDX, LENGTH
from spacy.language import Language
from spacy.tokens import Doc

from feedback_node.extraction.known_names import known_runs, with_known
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.matrices import quickest_products
from feedback_node.extraction.spans import DATE, NAME, NUMBER, QUOTE, WORD, Run, ends_sentence, find_runs
from streams.english_model import installed_model

Spans = Sequence[tuple[int, int]]
"""First characters and ends of parts of a text, in order."""
PARTS = ("tok2vec", "tagger", "parser")
"""The model's parts that the rules use; the others are not loaded."""
_LEFT_OUT = ("ner", "lemmatizer", "attribute_ruler", "senter")
MAX_TOKEN_CHARS = 200
"""A longer "word" (no spaces, 100 kB of brackets) is cut for the parser; its characters stay in the parse."""
_OPENERS = words("openers")
_TITLE_OPENERS = words("title_openers")
_STAND_INS = {QUOTE: "Smith", DATE: "1990", NUMBER: ""}


@lru_cache(maxsize=1)
def load_pipeline() -> Language:
    """The installed English model with `PARTS` only, and names merged before the parse.

    Raises:
        UserError: no English model is installed.
    """
    with quickest_products():
        nlp = spacy.load(installed_model(), exclude=_LEFT_OUT)
    nlp.tokenizer = MergingTokenizer(nlp)
    return nlp


def plain_tokens(nlp: Language) -> Callable[[str], list[str]]:
    """A function from text to the tokens that a loaded pipeline makes of it where nothing is merged."""
    tokenizer = nlp.tokenizer
    assert isinstance(tokenizer, MergingTokenizer)
    return tokenizer.split


class MergingTokenizer:
    """spaCy's tokenizer, then one stand-in word for each run of `spans.find_runs`.

    `doc.user_data` keeps the text and, per token, its first and last character and its kind: the Doc's own words are
    what the parser reads, not what was written.
    """

    def __init__(self, nlp: Language) -> None:
        self._base = nlp.tokenizer
        self._vocab = nlp.vocab

    def __call__(self, text: str, names: Spans = ()) -> Doc:
        """Text to the Doc of its merged words; `names` are known to be one each."""
        plain = self._base(text)
        rows = plain.to_array([IDX, LENGTH]).tolist()  # an order of magnitude quicker than spaCy's Token objects
        starts = [start for start, _ in rows]
        tokens = [text[start : start + length] for start, length in rows]
        return self._merge(text, tokens, starts, with_known(find_runs(text, tokens, starts), known_runs(text, tokens, starts, names)))

    def split(self, text: str) -> list[str]:
        """The plain tokens of a text, nothing merged."""
        return [token.text for token in self._base(text) if not token.is_space]

    def _merge(self, text: str, tokens: list[str], starts: list[int], runs: list[Run]) -> Doc:
        words: list[str] = []
        places: list[tuple[int, int, str]] = []
        at = 0
        for run in [*runs, Run(len(tokens), len(tokens), "")]:
            for index in range(at, run.first):
                if tokens[index].isspace():
                    continue
                words.append(tokens[index][:MAX_TOKEN_CHARS])
                places.append((starts[index], starts[index] + len(tokens[index]), ""))
            if run.kind:
                words.append(_stand_in(tokens, run))
                kind = "" if run.kind == WORD else run.kind
                places.append((starts[run.first], starts[run.last - 1] + len(tokens[run.last - 1]), kind))
                if run.last < len(tokens) and ends_sentence(tokens, run.last):
                    end = places[-1][1]
                    words.append(".")
                    places.append((end - 1, end, ""))
            at = run.last
        doc = Doc(self._vocab, words=words)
        doc.user_data["text"] = text
        doc.user_data["places"] = places
        return doc


def _stand_in(tokens: list[str], run: Run) -> str:
    """The word that the parser sees for a run: one whose shape it knows."""
    if run.kind == NAME:
        last = tokens[run.last - 1]
        known = last[0].isupper() and last.isalpha() and last.lower() not in _OPENERS and last.lower() not in _TITLE_OPENERS
        return last if known else "Smith"
    if run.kind == WORD:
        return tokens[run.last - 1]
    if run.kind == NUMBER:
        last = tokens[run.last - 1]
        return last if last.isalpha() and len(last) > 2 else "metres"
    return _STAND_INS[run.kind]
