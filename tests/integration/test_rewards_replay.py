"""When facts change, outputs are judged again without being generated again, and both judgements stay readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.rewards import rewards
from schemas.fact import Fact
from schemas.model_output import ModelOutput
from streams.kafka.producer import Producer

ONTOLOGY = """
predicates:
  composed_by:
    functional: true
    phrases: ["{subject} was composed by {object}", "{object} composed {subject}"]
    nouns: ["composer"]
    verbs: ["compose"]
"""


@pytest.fixture
def ontology(tmp_path: Path) -> Path:
    path = tmp_path / "ontology.yaml"
    path.write_text(ONTOLOGY)
    return path


def run(settings, *words: str) -> str:
    flags = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
    result = CliRunner().invoke(rewards, [*words, *flags])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_both_judgements_of_an_output_stay_readable_each_with_its_graph_version(settings, ontology: Path):
    topics = settings.topics
    with Producer(settings) as producer:
        producer.send(topics.facts, "f", Fact(fact_id="f", subject="Fidelio", predicate="composed_by", object="Beethoven"))
        output = ModelOutput(prompt_id="p", prompt="Who composed Fidelio?", completion="Fidelio was composed by Mozart.", model_version="m")
        producer.send(topics.outputs, "p", output)
    replay = ("replay", "--ontology", str(ontology), "--json")
    first = json.loads(run(settings, *replay))
    assert (first["judged"], first["new"]) == (1, 1)
    assert json.loads(run(settings, *replay))["new"] == 0, "the graph is the same, and so is the reward"
    with Producer(settings) as producer:
        producer.send(topics.facts, "f", Fact(fact_id="f", subject="Fidelio", predicate="composed_by", object="Mozart"))
    second = json.loads(run(settings, *replay))
    assert (second["new"], second["changed"]) == (1, 1)
    assert second["graph_version"] > first["graph_version"]
    listed = [json.loads(line) for line in run(settings, "list", "--json").splitlines()]
    assert [(reward["graph_version"], reward["reward"]) for reward in listed] == [
        (first["graph_version"], 0.0),
        (second["graph_version"], 1.0),
    ]


def test_a_replay_judges_by_the_values_that_it_was_given_and_tells_them(settings, ontology: Path):
    topics = settings.topics
    with Producer(settings) as producer:
        producer.send(topics.facts, "f", Fact(fact_id="f", subject="Fidelio", predicate="composed_by", object="Beethoven"))
        output = ModelOutput(prompt_id="p", prompt="Who composed Fidelio?", completion="I do not know.", model_version="m")
        producer.send(topics.outputs, "p", output)
    replay = ("replay", "--ontology", str(ontology))
    told = json.loads(run(settings, *replay, "--json", "--ternary", "1,0,-2,-0.5,-1.5"))
    assert (told["policy"], told["values"]["needless"], told["new"]) == ("ternary", -1.5, 1)
    (listed,) = (json.loads(line) for line in run(settings, "list", "--json").splitlines())
    assert listed["value"] == -1.5
    said = run(settings, *replay)
    assert "by the policy ternary (right 1, abstained 0, needless -1, wrong -1, unsupported -0.5)" in said
    assert "1 of this graph version stand, though judged otherwise now" in said
    with Producer(settings) as producer:
        producer.send(topics.facts, "g", Fact(fact_id="g", subject="Aida", predicate="composed_by", object="Verdi"))
    assert json.loads(run(settings, *replay, "--json"))["changed"] == 1, "R is none as before, and what is learnt from is another"
