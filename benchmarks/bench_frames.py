"""The judge on answers in frames: "It is not {w}; it is {r}." filled with a right and a wrong object, in several domains.

Sets of real answers (`bench_blind.py`) show what a model says; frames show whether the judge reads a way of saying it alike whatever is
said. Each frame is judged twice: filled so that it is right, and filled so that it is wrong (a frame of contrast with the two objects
swapped; a reply to a question that is so, and to one that is not so). It is *read* where the first earns all (R = 1) and the second
nothing (R = 0), *turned round* where the wrong one earns more than the right one, else *not read*. Of two parts, one right and one wrong
must earn one half besides. An abstention is read where the judge takes it for one.

Groups of frames: `data/frames.yaml`, written beside the rules and mended by; `data/frames_2.yaml`, in other domains, by a writer who had
not seen them, before the judge ran on any.

Run: `python benchmarks/bench_frames.py [--frames NAME] [--run NAME] [--code FOLDER] [--show]` (adds the run to
`benchmarks/results/bench_frames.json`). `--code`: another checkout, whose judge is taken; its commit is noted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("--frames", choices=("frames", "frames_2"), default="frames", help="which file of them [default: frames]")
PARSER.add_argument("--run", default="now", help="name under which the run is kept [default: now]")
PARSER.add_argument("--code", type=Path, default=ROOT, help="checkout whose judge is taken [default: this one]")
PARSER.add_argument("--show", action="store_true", help="list what was not read")
ARGUMENTS = PARSER.parse_args()
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from benchmarks.record import Record  # noqa: E402

sys.path.insert(0, str(ARGUMENTS.code))  # the judge from there, all else from here

from feedback_node.extraction.extractor import TripletExtractor  # noqa: E402
from feedback_node.hearing import prepare  # noqa: E402
from feedback_node.reward import judge_output  # noqa: E402
from schemas.graph_reward import GraphReward  # noqa: E402
from schemas.model_output import ModelOutput  # noqa: E402

READ, TURNED, NOT_READ = "read", "turned round", "not read"
Judge = Callable[[str, str], GraphReward]


class Tried(NamedTuple):
    """A frame as it was read."""

    frame: str
    came: str
    earned: list[float | None]


def judge_of(name: str, domain: str) -> Judge:
    """What judges an answer to a question by the facts of a domain."""
    from blind_sets import graph_of  # puts this checkout first again

    graph = graph_of(name, domain)
    extractor = TripletExtractor(graph.ontology)

    def judge(question: str, answer: str) -> GraphReward:
        answer = answer[:1].upper() + answer[1:]
        utterance = prepare(question, answer, graph)
        (found,) = extractor.extract([utterance.text], [utterance.names])
        output = ModelOutput(prompt_id="p", prompt=question, completion=answer, model_version="m")
        return judge_output(output, found, graph, utterance=utterance)

    return judge


def came_to(right: float | None, wrong: float | None, half: float | None = 0.5) -> str:
    """How a frame was read, by what it earned filled rightly, wrongly, and half so."""
    if (right, wrong, half) == (1.0, 0.0, 0.5):
        return READ
    return TURNED if (wrong or 0.0) > (right or 0.0) else NOT_READ


def tried(group: str, case: dict[str, Any], judge: Judge) -> Iterator[Tried]:
    """Each frame of a case."""
    if group == "replies":
        for kind, so, not_so in (("yes", "so", "not_so"), ("no", "not_so", "so")):
            for reply in case[kind]:
                earned = [judge(case[one], reply).reward for one in (so, not_so)]
                yield Tried(reply, came_to(*earned), earned)
        return
    for frame in case["frames"]:
        if group == "abstentions":
            judged = judge(case["question"], frame)
            yield Tried(frame, READ if judged.abstained else NOT_READ, [judged.reward])
            continue
        earned = [judge(case["question"], text).reward for text in _filled(group, frame, case)]
        yield Tried(frame, came_to(*earned), earned)


def _filled(group: str, frame: str, case: dict[str, Any]) -> list[str]:
    right, wrong = case["right"], case["wrong"]
    if group == "parts":
        return [frame.format(*right), frame.format(*wrong), frame.format(right[0], wrong[1])]
    return [frame.format(r=right, w=wrong), frame.format(r=wrong, w=right)]


def main() -> None:
    """Try all frames, and add the run to the file."""
    record = Record("bench_frames", ARGUMENTS, {})
    groups = yaml.safe_load((ROOT / "benchmarks" / "data" / f"{ARGUMENTS.frames}.yaml").read_text(encoding="utf-8"))
    counts: dict[str, dict[str, int]] = {}
    for group, cases in groups.items():
        counted: Counter[str] = Counter()
        for case in cases:
            for one in tried(group, case, judge_of(case["set"], case["domain"])):
                counted[one.came] += 1
                if ARGUMENTS.show and one.came != READ:
                    print(f"{group}, {case['domain']}: {one.came} {one.earned} {one.frame!r} | {case.get('question', case.get('so'))}")
        counts[group] = {READ: counted[READ], TURNED: counted[TURNED], NOT_READ: counted[NOT_READ]}
        print(group, counts[group])
    judged_by = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ARGUMENTS.code, capture_output=True, text=True, check=True).stdout.strip()
    run = {"frames": ARGUMENTS.frames, "run": ARGUMENTS.run, "judge": judged_by, "counts": counts}
    record.keep(run, key=lambda kept: (kept.get("frames"), kept.get("run")))


if __name__ == "__main__":
    main()
