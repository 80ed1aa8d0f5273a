"""A made-up run of the demo's size, for the report: real questions and facts, invented losses, answers and times."""

import math
import random

from demo import dataset
from demo.countries import countries
from reports.page import Answer, Lag, Loss, ReportData, Reward, summarise
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.triplet import JudgedTriplet, Triplet, Verdict

START = 1_790_000_000.0


def judged(prompt_id: str, prompt: str, completion: str, claims, gold=(), phase="after") -> GraphReward:
    """A reward as the feedback node would send it; claims are (subject, predicate, object, verdict, fact ids, note)."""
    triplets = []
    for subject, predicate, name, verdict, fact_ids, note in claims:
        at = completion.find(name)
        span = (at, at + len(name)) if at >= 0 else None
        triplet = Triplet(subject=subject, predicate=predicate, object=name, object_span=span, rule="phrase")
        triplets.append(JudgedTriplet(triplet=triplet, verdict=verdict, fact_ids=fact_ids, note=note))
    verdicts = [triplet.verdict for triplet in triplets]
    number = {verdict: verdicts.count(verdict) for verdict in Verdict}
    return GraphReward(
        reward_id=f"{prompt_id}-{phase}@2730",
        output_id=f"{prompt_id}-{phase}",
        prompt_id=prompt_id,
        phase=phase,
        model_version="run/1",
        prompt=prompt,
        completion=completion,
        reward=number[Verdict.VERIFIED] / len(verdicts) if verdicts else None,
        status=RewardStatus.OK if verdicts else RewardStatus.NO_CLAIMS,
        policy="strict",
        total=len(verdicts),
        verified=number[Verdict.VERIFIED],
        contradicted=number[Verdict.CONTRADICTED],
        unknown=number[Verdict.UNKNOWN],
        triplets=tuple(triplets),
        graph_version=2730,
        gold=tuple(gold),
        exact=any(name in completion for name in gold),
    )


def _answer(rng, sample, phase, right):
    predicate, code = sample.sample_id.removeprefix("ask-").split("-")[0], sample.sample_id[-2:].upper()
    country, others = countries()[code], [c for c in list(countries().values())[:60] if c.code != code]
    names = {"capital": lambda c: c.capitals[0], "currency": lambda c: c.currencies[0], "continent": lambda c: c.continents[0]}[predicate]
    true = names(country)
    if phase == "before" and rng.random() < 0.12:
        return judged(sample.sample_id, sample.prompt, "I am not sure which one you mean.", [], sample.gold, phase)
    name = true if right else rng.choice([names(c) for c in others if names(c) != true])
    evidence = (f"{code}-{predicate}-{true}".lower().replace(" ", "-"),)
    claims = [
        (
            country.name,
            predicate,
            name,
            Verdict.VERIFIED if right else Verdict.CONTRADICTED,
            evidence,
            None if right else f"{country.name} has {predicate} {true}",
        )
    ]
    text = f"The {predicate} of {country.in_sentence} is {name}."
    if phase == "before" and rng.random() < 0.6:
        text += " It is known for its old harbour and for the Festival of Lamps."
        claims.append(("It", "is known for", "its old harbour", Verdict.UNKNOWN, (), "no such predicate"))
    return judged(sample.sample_id, sample.prompt, text, claims, sample.gold, phase)


def made_up_run(seed: int = 2) -> ReportData:
    """Two passes over the demo's training set, and sixty questions before and after."""
    rng, data = random.Random(seed), dataset.samples()
    losses, t = [], START + 42
    scores = {sample.sample_id: min(1.0, max(0.0, rng.gauss(0.42, 0.22))) for sample in data.train}
    for number in (1, 2):
        order = sorted(data.train, key=lambda sample: int(scores[sample.sample_id] * 5 * 0.999) + rng.gauss(0, 0.15))
        for n, sample in enumerate(order):
            step, score = ((number - 1) * len(order) + n) // 8 + 1, scores[sample.sample_id]
            loss = max(0.04, (2.6 * math.exp(-step / 14) + 0.35 + 0.9 * score / number) * rng.lognormvariate(0, 0.3))
            losses.append(Loss(step, number, sample.sample_id, int(score * 4.999), score, loss, t))
            t += 0.31
    end = t
    answers = []
    for sample in data.prompts:
        before = _answer(rng, sample, "before", rng.random() < 0.47)
        answers.append(Answer(sample.prompt, sample.gold, before, _answer(rng, sample, "after", rng.random() < 0.92)))
    rewards = [Reward(START + 8 + 0.5 * n, "before", answer.before.reward) for n, answer in enumerate(answers)]
    rewards += [Reward(end + 4 + 0.4 * n, "after", answer.after.reward) for n, answer in enumerate(answers)]
    groups = [*(f"curriculum.sft.{band}" for band in range(5)), "samples", "losses", "outputs", "facts"]
    lag = []
    for n in range(int(end - START + 30) // 2):
        now, share = START + 2 * n, max(0.0, (2 * n - 42) / (end - START - 42))
        row = {f"curriculum.sft.{band}": max(0, round(46 * (min(1, n / 8) - max(0, min(1, share * 5 - band))))) for band in range(5)}
        row |= {"samples": max(0, 327 - 60 * n), "losses": rng.randint(0, 9) if 0 < share < 1 else 0}
        row |= {"outputs": rng.randint(0, 5) if n < 20 or share > 1 else 0, "facts": 0}
        lag.append(Lag(now, {name: row[name] for name in groups}))
    counts = data.counts
    account = {"samples_produced": counts["samples_produced"], "trained": counts["train"], "variants": 23}
    account |= {name: counts[name] for name in ("validation", "prompts", "dead_letters", "duplicates")}
    return ReportData(
        summary=summarise([answer.before for answer in answers], [answer.after for answer in answers]),
        losses=losses,
        rewards=rewards,
        lag=lag,
        answers=answers,
        account=account,
        timings={
            "broker start": 1.8,
            "model load": 6.4,
            "asking before": 31.0,
            "training": 143.0,
            "checkpoints": 4.1,
            "asking after": 26.5,
        },
        environment={
            "model": "SmolLM2-135M-Instruct, LoRA r=16",
            "seed": seed,
            "hardware": {"cpu": "2 cores", "memory": "24 GiB", "gpu": "none"},
            "versions": {"pelton": "0.1.0", "torch": "2.13.0", "transformers": "5.17.0", "trl": "1.12.0", "kafka": "4.3.1"},
        },
        facts={fact.fact_id: fact for fact in data.facts},
        made_at=end + 40,
    )
