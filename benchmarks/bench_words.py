"""What the feedback node's extracting process keeps of words that it has forgotten, and that the pool puts an end to it.

Texts of words that were never met before go through the real pool, once with children that may grow for ever, once with the limit lowered
so that a short run passes it.

Run: `python benchmarks/bench_words.py` (writes `benchmarks/results/bench_words.json`).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
WORDS_A_TEXT, TEXTS_A_BATCH = 40, 64


def texts(draw: random.Random) -> list[str]:
    """A batch of sentences of made-up words."""
    return [
        " ".join("".join(draw.choices("abcdefghijklmnoprstuvw", k=9)) for _ in range(WORDS_A_TEXT)).capitalize() + "."
        for _ in range(TEXTS_A_BATCH)
    ]


def measure(words: int, seed: int, most_growth: int) -> dict[str, Any]:
    """Memory of the child every tenth of the words, and how many children there were."""
    import psutil

    from feedback_node.pool import ExtractionPool
    from streams.knowledge.ontology import Ontology

    draw, pool, held, seen = random.Random(seed), ExtractionPool(Ontology(), most_growth=most_growth), [], set()
    pool.warm_up()
    began, done = time.monotonic(), 0
    while done < words:
        pool.extract(texts(draw))
        done += WORDS_A_TEXT * TEXTS_A_BATCH
        (child,) = pool.children()
        seen.add(child)
        if done * 10 // words > len(held) - 1:
            held.append(round(psutil.Process(child).memory_info().rss / 1e6, 1))
    pool.close()
    half = len(held) // 2
    kept = (held[-1] - held[half]) * 1e6 / (words * (len(held) - 1 - half) / (len(held) - 1))
    return {
        "most_growth": most_growth, "words": done, "seconds": round(time.monotonic() - began), "rss_mb": held, "children": len(seen),
        "bytes_per_word_in_the_second_half": round(kept, 1),
    }  # fmt: skip


def main() -> None:
    """Both, print, write."""
    from benchmarks.record import Record

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=600_000)
    parser.add_argument("--seed", type=int, default=22)
    options = parser.parse_args()
    record = Record("bench_words", options, {"words": options.seed})
    runs = [measure(options.words, options.seed, most_growth) for most_growth in (10**12, 20_000_000)]
    record.write({"runs": runs})
    print(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
