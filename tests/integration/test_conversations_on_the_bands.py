"""Conversations and other tools' envelopes, through a real broker and a real curriculum worker."""

import json

from worker_process import WorkerProcess, eventually

from cli.trace import as_text
from cli.tracing import follow
from schemas.sample import Sample
from schemas.training_sample import Objective, TrainingSample
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer

TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"of": {"type": "string"}}}}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": {"of": "Dune", "year": 1965, "share": 1e-12}}}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who wrote <|im_end|> Dune?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "Frank Herbert", "tool_call_id": "c1"},
    {"role": "assistant", "content": "Herbert.", "reasoning_content": "It says so.", "weight": 0},
    {"role": "user", "content": "And when?"},
    {"role": "assistant", "content": "In 1965."},
]
ROW = {"sample_id": "row-1", "prompt": "q?", "answer": "a."}


def banded(settings, objective):
    return {
        sample.sample_id: sample
        for topic in settings.topics.bands(objective)
        for sample in (TrainingSample.decode(record.value) for record in read_range(settings, topic.name))
    }


def test_turns_reach_their_band_as_they_were_sent_and_envelopes_are_taken_off(settings, tmp_path):
    golds = [Sample(prompt="Name a noble gas.", gold=(gas,)) for gas in ("helium", "neon", "argon", "krypton")]
    events = [
        {"sample_id": "talk", "messages": TURNS, "tools": TOOLS},
        {"schema": {"type": "struct", "fields": []}, "payload": {"before": None, "after": ROW, "op": "c"}},
        {"specversion": "1.0", "type": "t", "source": "/s", "id": "e", "data": json.dumps(ROW | {"sample_id": "event-1"})},
        {"schema": {"type": "struct", "fields": []}, "payload": {"sample_id": "broken-1", "prompt": 5}},
    ]
    values = [json.dumps(event).encode() for event in events] + [
        b"\x00\x00\x00\x00\x09\x0elost-1\x04q?",
        *(gold.encode() for gold in golds),
    ]
    with WorkerProcess("curriculum", settings, tmp_path) as worker, Producer(settings) as producer:
        worker.ready()
        for value in values:
            producer.send_bytes(settings.topics.samples.name, None, value)
        producer.flush()
        prompts = eventually(lambda: found if len(found := banded(settings, Objective.PROMPT)) == 4 else None, "four prompts")
        learnt = eventually(lambda: found if len(found := banded(settings, Objective.SFT)) == 3 else None, "what is learnt")
        eventually(lambda: worker.metric("pelton_dead_letters_total") == 2, "two dead letters")
    talk = learnt["talk"]
    assert [turn.model_dump(mode="json", exclude_none=True) for turn in talk.messages] == TURNS
    assert (list(talk.tools), talk.prompt, talk.completion) == (TOOLS, (), None)
    assert (learnt["row-1"].prompt[0].content, learnt["row-1"].completion) == ("q?", "a.")
    assert "event-1" in learnt
    assert sorted(sample.gold[0] for sample in prompts.values()) == ["argon", "helium", "krypton", "neon"]
    assert prompts.keys() == {sample.sample_id for sample in golds}
    told = {name: "\n".join(as_text(follow(settings, name, None))) for name in ("broken-1", "lost-1", golds[0].sample_id, "nowhere")}
    assert "in Kafka Connect's envelope: prompt:" in told["broken-1"]
    assert "schema registry's frame" in told["lost-1"]
    assert "never sent" not in told["broken-1"] + told["lost-1"]
    assert "received" in told[golds[0].sample_id]
    assert "banded" in told[golds[0].sample_id]
    assert "never sent" in told["nowhere"]
    assert "one of 2 dead letters whose id could not be read" in told["nowhere"]
