"""Files of facts, one a row: dotted columns are qualifiers, and no other column may have a dot."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.record_files import FileReader
from schemas.errors import UserError
from schemas.fact import Fact


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_csv_facts_have_qualifiers_by_column() -> None:
    Path("f.csv").write_text("subject,predicate,object,qualifiers.date\nFrance,capital,Paris,2020\n")
    found = list(FileReader(Path("f.csv"), Fact).read())
    assert found == [Fact(subject="France", predicate="capital", object="Paris", qualifiers={"date": "2020"})]


def test_a_dotted_column_of_no_mapping_is_unknown() -> None:
    Path("f.csv").write_text("subject.name,predicate,object\na,b,c\n")
    with pytest.raises(UserError, match=r"unknown column 'subject\.name'"):
        list(FileReader(Path("f.csv"), Fact).read())
