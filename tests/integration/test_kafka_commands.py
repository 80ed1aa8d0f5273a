"""The commands, run as a user runs them, against a live broker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.fact import Fact
from schemas.sample import Sample
from streams.kafka.consumer import read_range
from streams.kafka.embedded import free_port
from streams.kafka.settings import KafkaSettings
from streams.kafka.sources import source_of


def pelton(settings: KafkaSettings, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **settings.to_environ()}
    command = [sys.executable, "-m", "cli.main", *words]
    return subprocess.run(command, env=environ, input=stdin, capture_output=True, encoding="utf-8", check=False, timeout=120)


def test_produce_sends_jsonl_and_csv_and_says_how_many(settings: KafkaSettings, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "q1", "answer": "a"}\n{"sample_id": "mine", "text": "t"}\n')
    (tmp_path / "b.csv").write_text("prompt,label\nq2,yes\n")
    done = pelton(settings, "produce", str(tmp_path / "a.jsonl"), str(tmp_path / "b.csv"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{tmp_path / 'a.jsonl'}: JSON Lines, question-answer, text: 2 samples (1 qa, 1 generation)",
        f"{tmp_path / 'b.csv'}: CSV, classification: 1 sample (1 classification)",
        f"sent 3 samples from 2 files to {settings.topics.samples.name}",
    ]
    records = list(read_range(settings, settings.topics.samples.name))
    found = [Sample.decode(record.value) for record in records]
    assert sorted(sample.prompt or sample.text or "" for sample in found) == ["q1", "q2", "t"]
    assert all((record.key or b"").decode() == sample.sample_id for record, sample in zip(records, found, strict=True))
    assert "mine" in {sample.sample_id for sample in found}
    assert {record.headers for record in records} == {(("producer", f"pelton-produce@{socket.gethostname()}".encode()),)}
    assert pelton(settings, "produce", "--producer", "atlas", str(tmp_path / "b.csv")).returncode == 0
    assert [source_of(record) for record in read_range(settings, settings.topics.samples.name)].count("atlas") == 1
    assert "no name of a source" in pelton(settings, "produce", "--producer", "two\nlines", str(tmp_path / "b.csv")).stderr


def test_produce_names_the_bad_line_and_exits_with_2(settings: KafkaSettings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "q1"}\n{"prompt"\n{"prompt": "q3"}\n')
    done = pelton(settings, "produce", str(path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {path}:2: ")
    assert len(done.stderr.splitlines()) == 1
    skipped = pelton(settings, "produce", "--skip-bad", "--json", str(path))
    assert skipped.returncode == 0
    summary = json.loads(skipped.stdout)
    assert (summary["sent"], summary["skipped"]) == (2, 1)


@pytest.mark.parametrize("command", [["produce"], ["train", "--dataset-path"]], ids=" ".join)
def test_the_task_is_said_in_each_row_until_one_lacks_what_it_needs(settings: KafkaSettings, tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "q1", "answer": "a", "label": "l"}\n{"prompt": "q2", "answer": "a"}\n')
    done = pelton(settings, *command, str(path), "--task", "classification", *(["--run-dir", str(tmp_path)] if "train" in command else []))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {path}:2: classification needs `label`; mend the line")
    sent = [Sample.decode(record.value) for record in read_range(settings, settings.topics.samples.name)]
    before = [("q1", "classification")] if "produce" in command else []  # a training sends nothing of a file that it cannot read to its end
    assert [(sample.prompt, sample.task) for sample in sent] == before


def test_produce_reads_standard_input(settings: KafkaSettings) -> None:
    done = pelton(settings, "produce", "-", stdin='{"prompt": "q"}\n')
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"sent 1 sample from 1 file to {settings.topics.samples.name}"


def test_produce_without_topics_says_how_to_make_them(settings: KafkaSettings, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "q"}\n')
    elsewhere = settings.model_copy(update={"topic_prefix": settings.topic_prefix + "other."})
    done = pelton(elsewhere, "produce", str(tmp_path / "a.jsonl"))
    assert done.returncode == 2
    assert "missing" in done.stderr
    assert "pelton topics" in done.stderr


def test_facts_of_graph_files_are_sent_as_those_of_other_files_are(settings: KafkaSettings, tmp_path: Path) -> None:
    import networkx as nx

    graph = nx.MultiDiGraph()
    graph.add_edge("Dune", "Frank Herbert", predicate="written_by", date="1965")
    graph.add_edge("Emma", "Jane Austen", predicate="written_by")
    nx.write_graphml(graph, tmp_path / "books.graphml")
    nx.write_edgelist(graph, tmp_path / "books.edgelist", delimiter="\t")
    (tmp_path / "more.tsv").write_text("head\trelation\ttail\nUlysses\twritten_by\tJames Joyce\nno predicate\t\there\n")
    files = [str(tmp_path / name) for name in ("books.graphml", "books.edgelist", "more.tsv")]
    done = json.loads(pelton(settings, "facts", *files, "--skip-bad", "--json").stdout)
    assert (done["sent"], done["skipped"]) == (5, 1)
    sent = [Fact.decode(record.value) for record in read_range(settings, settings.topics.facts.name)]
    assert {(fact.subject, fact.predicate, fact.object) for fact in sent} == {
        ("Dune", "written_by", "Frank Herbert"),
        ("Emma", "written_by", "Jane Austen"),
        ("Ulysses", "written_by", "James Joyce"),
    }
    assert [fact.qualifiers for fact in sent if fact.subject == "Dune"] == [{"date": "1965"}] * 2


def test_of_a_file_with_a_bad_line_no_fact_is_sent(settings: KafkaSettings, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("subject,predicate,object\nPeru,capital,Lima\nChile,capital,\n")
    (tmp_path / "b.csv").write_text("subject,predicate,object\nChad,capital,N'Djamena\n")
    done = pelton(settings, "facts", str(tmp_path / "b.csv"), str(tmp_path / "a.csv"))
    assert (done.returncode, "a.csv:3: `object` is blank" in done.stderr) == (2, True)
    assert read_range_of(settings) == []


def test_the_facts_of_a_run_are_read_by_its_ontology_and_all_of_them_or_none_are_sent(settings: KafkaSettings, tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("predicates:\n  capital: {functional: true}\n")
    (tmp_path / "rows.jsonl").write_text('{"prompt": "q", "answer": null}\n')
    (tmp_path / "facts.tsv").write_text("Peru\tcapital\tLima\nChile\tcapital\tSantiago\n")
    (tmp_path / "wrong.tsv").write_text("Peru\tcapital\tLima\nChile\tcapitol\tSantiago\n")
    run = ["train", "--dataset-path", str(tmp_path / "rows.jsonl"), "--ontology", str(tmp_path / "o.yaml"), "--run-dir", str(tmp_path)]
    done = pelton(settings, *run, "--facts", str(tmp_path / "facts.tsv"), "--facts", str(tmp_path / "wrong.tsv"))
    assert done.stderr.startswith(f"error: {tmp_path / 'wrong.tsv'}:2: no predicate 'capitol' in the ontology; did you mean 'capital'?")
    assert read_range_of(settings) == []
    done = pelton(settings, *run, "--facts", str(tmp_path / "facts.tsv"))
    assert f"{tmp_path / 'rows.jsonl'}:1: `answer` is null" in done.stderr
    assert read_range_of(settings) == [], "the files of samples are looked through, too, before anything is sent"
    run[run.index("--dataset-path") + 1] = "-"  # standard input cannot be
    done = pelton(settings, *run, "--facts", str(tmp_path / "facts.tsv"), stdin='{"prompt": "q", "answer": null}\n')
    assert "`answer` is null" in done.stderr
    assert [Fact.decode(value).object for value in read_range_of(settings)] == ["Lima", "Santiago"]


def test_what_a_file_put_on_the_topic_can_be_retracted_and_what_stands_be_written_to_a_file(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("subject,predicate,object,qualifiers.date\nPeru,capital,Lima,1535\nChad,capital,N'Djamena,\n")
    (tmp_path / "wrong.tsv").write_text("Lima\tcapital\tPeru\n")
    wrong = ["facts", str(tmp_path / "wrong.tsv"), "--columns", "subject,predicate,object"]
    assert pelton(settings, "facts", str(tmp_path / "a.csv")).returncode == pelton(settings, *wrong).returncode == 0
    assert json.loads(pelton(settings, *wrong, "--retract", "--json").stdout)["removed"] == 1
    target = tmp_path / "facts.hif.json"
    assert pelton(settings, "facts", "--export", str(target)).stdout == f"wrote 2 facts to {target}\n"
    sent = [Fact.decode(value) for value in read_range_of(settings)[:2]]
    read = json.loads(pelton(settings, "facts", str(target), "--json").stdout)
    assert (read["sent"], read["files"][0]["format"]) == (2, "HIF")
    assert [Fact.decode(value) for value in read_range_of(settings)[-2:]] == sent


def read_range_of(settings: KafkaSettings) -> list[bytes | None]:
    return [record.value for record in read_range(settings, settings.topics.facts.name)]


def test_facts_are_sent_and_removed(settings: KafkaSettings, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text('{"fact_id": "f1", "subject": "iron", "predicate": "symbol", "object": "Fe"}\n')
    assert pelton(settings, "facts", str(tmp_path / "f.jsonl")).returncode == 0
    assert json.loads(pelton(settings, "facts", "--remove", "f1", "--json").stdout)["removed"] == 1
    sent, removed = read_range(settings, settings.topics.facts.name)
    assert (sent.key, Fact.decode(sent.value).object) == (b"f1", "Fe")
    assert (removed.key, removed.value) == (b"f1", None)


def test_topics_are_made_checked_and_listed(settings: KafkaSettings) -> None:
    checked = pelton(settings, "topics", "check", "--json")
    assert (checked.returncode, {row["state"] for row in json.loads(checked.stdout)}) == (0, {"ok"})
    more = settings.model_copy(update={"partitions": 3})
    wrong = pelton(more, "topics", "check")
    assert wrong.returncode == 1
    assert "partitions is 2, must be 3" in wrong.stdout
    rows = json.loads(pelton(settings, "topics", "list", "--json").stdout)
    assert [row["topic"] for row in rows] == [topic.name for topic in settings.topics]
    assert pelton(settings, "topics", "create").returncode == 0


def test_a_broker_that_is_away_is_one_line(settings: KafkaSettings) -> None:
    away = settings.model_copy(update={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    done = pelton(away, "topics", "check")
    assert done.returncode == 2
    assert "no broker answers" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_broker_runs_until_it_is_told_to_stop(settings: KafkaSettings, tmp_path: Path, number: int) -> None:
    port = free_port()
    command = [sys.executable, "-m", "cli.main", "broker", "--port", str(port), "--data-dir", str(tmp_path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    assert running.stdout is not None
    try:
        assert f"127.0.0.1:{port}" in running.stdout.readline()
        assert running.stdout.readline() == f"export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:{port}\n"
        there = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")
        assert pelton(there, "topics", "check").returncode == 0
        running.send_signal(number)
        assert running.wait(60) == 0
        assert running.stdout.read() == "stopped\n"
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
