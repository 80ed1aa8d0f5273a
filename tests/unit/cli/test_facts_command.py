"""`pelton facts` says what it read before it sends anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import pelton

ONTOLOGY = "predicates:\n  capital: {functional: true}\n  population: {value: number}\n"


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(pelton, ["facts", *words], input=stdin)


@pytest.fixture
def away(clean_environ: pytest.MonkeyPatch) -> None:
    """No broker: what is read without one needs none."""
    clean_environ.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")


def test_a_dry_run_lists_predicates_with_counts_and_what_is_wrong(away: None, tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text(ONTOLOGY)
    rows = ["1,Peru,capital,Lima,x", "2,Peru,population,33 million,y", "3,Chad,capitol,N'Djamena,z", "1,Peru,capital,Cusco,x"]
    (tmp_path / "a.csv").write_text("\n".join(["fact_id,subject,predicate,object,mood", *rows]))
    words = (str(tmp_path / "a.csv"), "--ontology", str(tmp_path / "o.yaml"), "--dry-run", "--skip-bad")
    done = run(*words)
    assert done.stdout == "2 predicates: capital 2, population 1\nread 3 facts in 1 file; nothing was sent; skipped 1 bad line\n"
    assert "a.csv:4: no predicate 'capitol' in the ontology; did you mean 'capital'?" in done.stderr
    assert "ignored 'mood' on 4 rows" in done.stderr
    assert "1 fact under a key that stood before with other content" in done.stderr
    told = json.loads(run(*words, "--json").stdout)
    (about,) = told["files"]
    assert about == {
        "path": str(tmp_path / "a.csv"),
        "format": "CSV",
        "read": 3,
        "predicates": {"capital": 2, "population": 1},
        "skipped": {"invalid": 1},
        "repeated_ids": 1,
    }
    assert (told["read"], told["skipped"], told["sent"], told["predicates"]) == (3, 1, 0, about["predicates"])


def test_without_an_ontology_every_predicate_is_taken_and_listed(away: None, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("head\trelation\ttail\nPeru\tcapitol\tLima\n")
    assert run(str(tmp_path / "a.tsv"), "--dry-run").stdout == "1 predicate: capitol 1\nread 1 fact in 1 file; nothing was sent\n"


def test_files_without_a_single_fact_are_a_failure(away: None, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("subject,predicate,object\nPeru,capital,\n")
    done = run(str(tmp_path / "a.csv"), "--dry-run", "--skip-bad")
    assert (done.exit_code, done.stdout) == (2, "read 0 facts in 1 file; nothing was sent; skipped 1 bad line\n")


def test_a_dry_run_tells_what_is_wrong_with_every_file(away: None, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("Peru\tcapital\tLima\n")
    (tmp_path / "b.csv").write_text("subject,predicate,object\nPeru,capital,Lima\nChile,capital,\n")
    files = json.loads(run(str(tmp_path / "a.tsv"), str(tmp_path / "b.csv"), "--dry-run", "--json").stdout)["files"]
    assert [(about["read"], about["skipped"]) for about in files] == [(0, {"bad_file": 1}), (1, {"missing": 1})]


def test_folders_and_patterns_are_read_as_their_files(away: None, tmp_path: Path) -> None:
    for name, text in {
        "set/b.tsv": "head\trelation\ttail\nPeru\tcapital\tLima\n",
        "set/deep/a.nt": '<http://x/Chad> <http://x/capital> "N\'Djamena" .\n',
        "set/.hidden.csv": "broken",
        "set/README.md": "About the set.",
        "c.csv": "subject,predicate,object\nCuba,capital,Havana\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    told = json.loads(run(str(tmp_path / "set"), str(tmp_path / "*.csv"), "--dry-run", "--json").stdout)
    assert [Path(about["path"]).name for about in told["files"]] == ["b.tsv", "a.nt", "c.csv"]
    assert told["read"] == 3
    assert "no file matches" in run(str(tmp_path / "*.hif"), "--dry-run").output


def test_standard_input_is_read_as_a_file_is(away: None) -> None:
    done = run("-", "--dry-run", "--json", "--columns", "h,r,t", stdin="Peru\tcapital\tLima\nChile\tcapital\n")
    assert json.loads(done.stdout)["bad_lines"] == ["-:2: 2 cells, where 3 are wanted"]
    (told,) = json.loads(run("-", "--dry-run", "--json", stdin="Peru\tcapital\tLima\n").stdout)["bad_lines"]
    assert told.startswith("-: 3 columns, 'Peru', 'capital', 'Lima', with no header")
    assert json.loads(run("-", "--dry-run", "--json", stdin="h,r,t\nPeru,capital,Lima\n").stdout)["predicates"] == {"capital": 1}


@pytest.mark.parametrize("words", [("--export", "x", "a.csv"), ("--export", "x", "--remove", "k")])
def test_what_is_written_is_not_read_in_the_same_breath(away: None, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "a.csv").write_text("")
    done = run(*(str(tmp_path / word) if word == "a.csv" else word for word in words))
    assert (done.exit_code, "name no FILE" in done.output) == (2, True)
