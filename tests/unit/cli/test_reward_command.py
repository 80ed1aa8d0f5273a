"""What `pelton reward` promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.reward import reward
from schemas.errors import UserError

ONTOLOGY = """
predicates:
  composed_by:
    functional: true
    nouns: [composer]
    phrases: ["{object} composed {subject}", "{subject} was composed by {object}"]
"""
FACTS = "subject,predicate,object,source\nCarmen,composed_by,Georges Bizet,a library\nAida,composed_by,Giuseppe Verdi,\n"
TEXT = "Carmen was composed by Georges Bizet. Aida was composed by Rossini."


@pytest.fixture
def files(tmp_path) -> list[str]:
    (tmp_path / "facts.csv").write_text(FACTS, encoding="utf-8")
    (tmp_path / "music.yaml").write_text(ONTOLOGY, encoding="utf-8")
    return ["--facts", str(tmp_path / "facts.csv"), "--ontology", str(tmp_path / "music.yaml")]


def run(*arguments: str, text: str | None = None):
    return CliRunner().invoke(reward, list(arguments), input=text, catch_exceptions=False)


def test_it_shows_each_claim_with_its_verdict_and_facts(files):
    result = run(*files, TEXT)
    assert result.exit_code == 0
    assert "reward 0.50  of 2 claims: 1 verified, 1 contradicted, 0 unknown (policy strict)" in result.output
    for words in ("✔ verified", "✘ contradicted", "Georges Bizet composed Carmen", "(a library)", "Giuseppe Verdi composed Aida"):
        assert words in result.output


def test_json_is_the_reward_itself(files):
    judged = json.loads(run(*files, "--json", "--gold", "Bizet", TEXT).output)
    assert (judged["reward"], judged["exact"], judged["graph_version"]) == (0.5, True, 2)
    assert [one["verdict"] for one in judged["triplets"]] == ["verified", "contradicted"]


def test_the_text_may_come_from_standard_input(files):
    assert "reward 1.00" in run(*files, "-", text="Carmen was composed by Georges Bizet.").output


def test_the_policy_and_the_question_count(files):
    covered = run(*files, "--policy", "coverage", "--question", "Who is the composer of Aida?", "Carmen was composed by Georges Bizet.")
    assert "reward 0.00" in covered.output
    assert "says nothing of what was asked" in covered.output


def test_a_true_answer_that_says_less_than_is_known_is_told(files, tmp_path):
    ontology = "predicates: {opened: {value: date, functional: true, verbs: [open], phrases: ['{subject} was opened in {object}']}}"
    (tmp_path / "music.yaml").write_text(ontology, encoding="utf-8")
    (tmp_path / "facts.csv").write_text("subject,predicate,object\nFalcon Hall,opened,1894\n", encoding="utf-8")
    asked = [*files, "--policy", "ternary", "--question", "When was Falcon Hall opened?"]
    vague, full = (run(*asked, f"Falcon Hall was opened in {said}.").output for said in ("the 19th century", "1894"))
    assert "ternary gives -1 " in vague
    assert "says of what was asked less than is known" in vague
    assert "ternary gives 1 " in full
    assert "answers the question" in full


def test_a_text_without_claims_has_no_reward(files):
    assert "reward none  no claim was found" in run(*files, "Well!").output


def test_coverage_without_a_question_is_refused(files):
    result = run(*files, "--policy", "coverage", TEXT)
    assert result.exit_code == 2
    assert "--question" in result.output


def test_facts_that_the_ontology_does_not_know_are_passed_over_and_told(files, tmp_path):
    with (tmp_path / "facts.csv").open("a", encoding="utf-8") as stream:
        stream.write("Carmen,painted_by,Nobody,\n")
    result = run(*files, TEXT)
    assert "passed over: no predicate 'painted_by'" in result.output
    assert "reward 0.50" in result.output


def test_a_graph_file_is_read_too(files, tmp_path):
    (tmp_path / "more.tsv").write_text("Otello\tGiuseppe Verdi\tcomposed_by\n", encoding="utf-8")
    assert "reward 1.00" in run(*files, "--facts", str(tmp_path / "more.tsv"), "Otello was composed by Giuseppe Verdi.").output


def test_a_wrong_file_is_told_in_one_line(tmp_path: Path):
    path = tmp_path / "facts.jsonl"
    assert f"no file {path}" in run("--facts", str(path), TEXT).output
    path.write_text("{not json", encoding="utf-8")
    with pytest.raises(UserError, match=r"facts\.jsonl") as raised:
        run("--facts", str(path), TEXT)
    assert "\n" not in str(raised.value)


def test_bad_lines_may_be_skipped_and_are_told(files, tmp_path):
    path = tmp_path / "more.jsonl"
    path.write_text("{not json\n", encoding="utf-8")
    result = run(*files, "--facts", str(path), "--skip-bad", TEXT)
    assert "skipped" in result.output
    assert "reward 0.50" in result.output
