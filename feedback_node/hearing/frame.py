"""Words that may stand around what a short answer offers, and those that change what it says."""

from __future__ import annotations

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked
from streams.knowledge.english import CHANGING, FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import Word, words

FRAME = (
    listed("frame")
    | FUNCTION_WORDS
    | frozenset(
        {
            "ll",
            "d",
            "re",
            "ve",
            "s",
            "t",
            "im",
            "ive",
            "id",
            "youd",
            "youll",
            "youre",
            "youve",
            "theyre",
            "its",
            "thats",
            "hes",
            "shes",
            "either",
        }
    )
)
"""They add nothing to it."""
DOUBT = (listed("doubt_words") | listed("doubt_verbs") | frozenset({"may", "might", "could", "should"})) - frozenset(
    {"sure", "certain", "say", "said", "says", "report", "reported", "unlikely"}
)
"""They make it a guess."""
DENIALS = frozenset({"not", "never", "neither", "nor", "nothing", "isnt", "wasnt", "arent", "werent", "didnt", "doesnt", "dont", "no"})
"""They turn it round."""
TURNING = listed("other_thing") | CHANGING | listed("turning")
"""With one of these it may be said of something else."""


def denies(text: str, word: Word) -> bool:
    """Whether a word denies what follows it: not the "No" that answers a question ("No, it is X")."""
    return word.text in DENIALS and not (word.text == "no" and text[word.end : word.end + 1] in (*",.;:!-–—", ""))


def is_benign(word: str, asked: Asked, graph: Hypergraph) -> bool:
    """Whether a word leaves the answer what it is: of a frame, of the question, of the ontology, or one that `DOUBT` or `DENIALS` has."""
    return (
        word in FRAME
        or word in asked.question.words
        or word in graph.ontology.vocabulary
        or word in graph.ontology.classes
        or word in DOUBT
        or word in DENIALS
    )


def says_something(sentence: str) -> bool:
    """Whether a sentence is more than a frame ("Sure!"): what comes after it is no short answer any more."""
    return any(word.text not in FRAME and word.text not in DOUBT for word in words(sentence))
