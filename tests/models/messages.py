"""One message of each kind, with everything set that may be: what others' tools must be able to read."""

from __future__ import annotations

from schemas.base import Message
from schemas.fact import Fact
from schemas.forgotten import Forgotten
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.model_version import ModelVersion, PartitionPosition
from schemas.sample import JudgedAnswer, PairProvenance, Sample, Split, Task
from schemas.sample_loss import SampleLoss
from schemas.training_sample import Difficulty, Objective, SourcePosition, TrainingSample
from schemas.triplet import JudgedTriplet, Triplet, Verdict
from schemas.turns import FunctionCall, ToolCall, Turn

BETTER = JudgedAnswer(output_id="o-1", model_version="nightly/40", reward=1.0, graph_version=12)
WORSE = JudgedAnswer(output_id="o-2", model_version="nightly/40", reward=0.0, graph_version=12)
TRAINING_SAMPLE = TrainingSample(
    sample_id="qa-capital-pl",
    objective=Objective.SFT,
    task=Task.QA,
    band=1,
    prompt=(Turn(role="user", content="What is the capital of Poland?"),),
    completion="Warsaw.",
    difficulty=Difficulty(hops=1, length=6, centrality=0.25, h=0.5, l=0.125, c=0.25, score=0.3),
    source=SourcePosition(topic="pelton.samples", partition=1, offset=42),
    facts_offset=12,
    gold=("Warsaw",),
)
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
}
CALL = ToolCall(id="c1", function=FunctionCall(name="weather", arguments={"city": "Warsaw", "days": 1, "exact": 0.1}))
CONVERSATION = (
    Turn(role="system", content="You are brief."),
    Turn(role="user", content="Will it rain in Warsaw?"),
    Turn(role="assistant", tool_calls=(CALL,), reasoning_content="I must look."),
    Turn(role="tool", name="weather", tool_call_id="c1", content='{"rain": false}'),
    Turn(role="assistant", content="No."),
    Turn(role="user", content="And tomorrow?"),
    Turn(role="assistant", content="Neither.", weight=1),
)
EXAMPLES: tuple[Message, ...] = (
    Sample(sample_id="qa-capital-pl", prompt="What is the capital of Poland?", answer="Warsaw.", produced_at=1767225600.5),
    Sample(text="The match went to extra time.", label="sport", label_set=("sport", "politics"), task=Task.CLASSIFICATION),
    Sample(text="It was a bright cold day — 晴れ.", split=Split.VALIDATION),
    Sample(prompt="Which metal is liquid at room temperature?", gold=("mercury", "quicksilver"), task=Task.RLHF_GRPO),
    Sample(
        prompt="Name a noble gas.",
        chosen="Helium.",
        rejected="Nitrogen.",
        run_id="nightly",
        parent_id="p-1",
        generation=1,
        origin="feedback",
        provenance=PairProvenance(chosen=BETTER, rejected=WORSE),
    ),
    Sample(messages=CONVERSATION, tools=(TOOL,)),
    Sample(messages=CONVERSATION[:2], chosen_messages=CONVERSATION[2:5], rejected_messages=(Turn(role="assistant", content="No idea."),)),
    TRAINING_SAMPLE,
    TrainingSample(sample_id="h-1", objective=Objective.SFT, task=Task.QA, band=0, messages=CONVERSATION, tools=(TOOL,)),
    SampleLoss(
        event_id="e-1", run_id="nightly", pass_number=2, step=38, sample_id="qa-capital-pl", loss=0.84, tokens=7, sample=TRAINING_SAMPLE
    ),
    ModelOutput(
        prompt_id="p-1", prompt="Capital of Poland?", completion="Warsaw.", model_version="nightly/40", task=Task.QA, gold=("Warsaw",)
    ),
    GraphReward(
        reward_id="r-1",
        output_id="o-1",
        prompt_id="p-1",
        model_version="nightly/40",
        reward=1.0,
        status=RewardStatus.OK,
        policy="strict",
        total=1,
        verified=1,
        contradicted=0,
        unknown=0,
        triplets=(
            JudgedTriplet(
                triplet=Triplet(
                    subject="Poland", predicate="capital", object="Warsaw", subject_span=(0, 6), rule="noun", qualifiers={"date": "2020"}
                ),
                verdict=Verdict.VERIFIED,
                fact_ids=("pl-capital-warsaw",),
            ),
        ),
        graph_version=12,
    ),
    Forgotten(sample_id="secret", forgotten_at=1.0, why="asked by mail"),
    ModelVersion(
        run_id="nightly",
        version="nightly/40",
        step=40,
        pass_number=2,
        epoch=1,
        base_model="default",
        path="runs/nightly/checkpoints/e000001-s00000040",
        sha256="0" * 64,
        positions=(PartitionPosition(topic="pelton.curriculum.sft.1", partition=0, watermark=17, done_above=(19, 21)),),
        metrics={"val_metric": 2.5},
    ),
    Fact(subject="Poland", predicate="population", object="38 million", qualifiers={"date": "2020", "unit": "people"}, source="census"),
)
