"""The raw terms of a sample's difficulty `d = γ·h + δ·l + η·c`, measured on the knowledge hypergraph.

How raw terms are brought to [0,1] and weighed is `bands`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from streams.curriculum.needed import facts_needed
from streams.curriculum.task_detector import Content

if TYPE_CHECKING:
    from streams.knowledge.hypergraph import Hypergraph

GAMMA = 0.5
"""Weight of h, the hops."""
DELTA = 0.3
"""Weight of l, the prompt's length."""
ETA = 0.2
"""Weight of c, the target's centrality."""


class RawTerms(NamedTuple):
    """h, l and c in their own units."""

    hops: float | None = 0.0
    """Facts needed between what the prompt and the answer name (`needed`); None where that is not known."""
    length: float = 0.0
    """Words of the prompt, all its turns counted; of the text, where there is no prompt."""
    centrality: float = 0.0
    """Degree centrality of the target, 0 to 1."""
    other: float = 0.0
    """Of a signal that is no term of d (`signals`): what it measures; else 0."""


def raw_terms(content: Content, gold: Iterable[str] | None, graph: Hypergraph) -> RawTerms:
    """Measure a sample. Where it has no answer, its gold strings stand for one."""
    answer = content.answer or " \n ".join(gold or ())
    asked, said = graph.named_in(content.question), graph.named_in(answer)
    # An answer mostly repeats the question's entity ("The capital of X is Y"): the target is what it adds.
    targets = (said - asked) or said
    distance = facts_needed(content.question, answer, asked, said, graph)
    return RawTerms(
        hops=None if distance is None else float(distance),
        length=float(content.length if content.turns or content.question else len(answer.split())),
        # The most specific entity of the answer is the one that the fewest facts speak of.
        centrality=min((graph.centrality(entity) for entity in targets), default=0.0),
    )
