"""Facts in tables, JSON and edge lists: which column is which, what is refused, and that a header never becomes a fact."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import networkx as nx
import pytest

from schemas.errors import UserError
from streams.knowledge.importing.columns import Wanted
from streams.knowledge.importing.reader import FactReader
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict(
    {
        "predicates": {
            "capital": {"functional": True, "inverse": "capital_of"},
            "population": {"value": "number"},
            "borders": {"symmetric": True},
        }
    }
)
PERU = ("Peru", "capital", "Lima")
CHILE = ("Chile", "capital", "Santiago")


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def facts_of(path: Path, columns: str | None = None, **about: object) -> list[tuple[str, str, str]]:
    reader = FactReader(path, columns=Wanted.parse(columns) if columns else None, **about)  # type: ignore[arg-type]
    return [(fact.subject, fact.predicate, fact.object) for fact in reader.read()]


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("a.csv", "subject,predicate,object\nPeru,capital,Lima\n", None),
        ("a.csv", "object;subject;predicate\nLima;Peru;capital\n", None),
        ("a.tsv", "head\trelation\ttail\nPeru\tcapital\tLima\n", None),
        ("a.tsv", "h\tr\tt\nPeru\tcapital\tLima\n", None),
        ("a.csv", "Source,Target,Type\nPeru,Lima,capital\n", None),
        ("a.csv", "Source,Target,Type,Id,Label,Weight\nPeru,Lima,Directed,0,capital,1.0\n", None),
        ("a.csv", ":START_ID,:END_ID,:TYPE\nPeru,Lima,capital\n", None),
        ("a.csv", "item,property,value\nPeru,capital,Lima\n", None),
        ("a.csv", ",subject,predicate,object\n0,Peru,capital,Lima\n", None),
        ("a.csv", "sep=;\nsubject;predicate;object\nPeru;capital;Lima\n", None),
        ("a.tsv", "Peru\tcapital\tLima\n", "subject,predicate,object"),
        ("a.txt", "Peru\tcapital\tLima\nPeru\tcapital\tLima\n", "head,relation,tail"),
        ("train.txt", "Peru\tcapital\tLima\n" * 40, "h,r,t"),  # as PyKEEN ships its data sets
        ("a.tsv", "Lima\tPeru\tcapital\n", "o,s,p"),
        ("a.tsv", "17\tPeru\tcapital\tLima\n", "-,h,r,t"),
        ("a.tsv", "subject\tpredicate\tobject\nPeru\tcapital\tLima\n", "s,p,o"),
        ("a.csv", "land,Merkmal,Wert\nPeru,capital,Lima\n", "land,Merkmal,Wert"),
        ("a.csv", "Wert,Merkmal,land,Jahr\nLima,capital,Peru,1535\n", "land,Merkmal,Wert"),
        ("a.jsonl", '{"head": "Peru", "relation": "capital", "tail": "Lima"}\n', None),
        ("a.jsonl", '{"land": "Peru", "Merkmal": "capital", "Wert": "Lima"}\n', "land,Merkmal,Wert"),
        ("a.json", '[{"subject": "Peru", "predicate": "capital", "object": "Lima"}]', None),
        ("a.edgelist", "Peru\tLima\tcapital\n", None),
    ],
)
def test_columns_are_found_by_their_names_or_by_what_the_command_says(tmp_path, name, content, columns):
    assert set(facts_of(written(tmp_path, name, content), columns)) == {PERU}


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ("Peru\tcapital\tLima\nChile\tcapital\tSantiago\n", [PERU, CHILE]),
        ("Peru\tLima\tcapital\nChile\tSantiago\tcapital\n", [PERU, CHILE]),
        ("capital\tPeru\tLima\ncapital\tChile\tSantiago\n", [PERU, CHILE]),
        ("Lima\tcapital_of\tPeru\n", [("Lima", "capital_of", "Peru")]),
    ],
)
def test_the_ontology_tells_which_column_has_the_predicates(tmp_path, content, facts):
    assert facts_of(written(tmp_path, "a.tsv", content), ontology=ONTOLOGY) == facts


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Peru\tcapital\tLima\n", "no header that says which is which; pass --columns"),
        ("Peru\tLima\n", "a fact has three"),
        ("head\trelation\twhat\nPeru\tcapital\tLima\n", "looks like a header"),
        ("a\tb\tc\td\n", "4 columns"),
    ],
)
def test_an_order_that_nothing_says_is_asked_for(tmp_path, content, told):
    with pytest.raises(UserError, match=told) as refused:
        facts_of(written(tmp_path, "a.tsv", content))
    assert "--columns" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_predicates_in_two_columns_say_no_order(tmp_path):
    with pytest.raises(UserError, match="no one of them holds predicates of the ontology"):
        facts_of(written(tmp_path, "a.tsv", "capital\tcapital\tLima\n"), ontology=ONTOLOGY)


def test_an_order_that_the_header_denies_is_refused(tmp_path):
    path = written(tmp_path, "a.tsv", "head\trelation\ttail\nPeru\tcapital\tLima\n")
    with pytest.raises(UserError, match="leave out --columns"):
        facts_of(path, "object,predicate,subject")


def test_a_header_without_the_columns_that_were_named_is_refused(tmp_path):
    with pytest.raises(UserError, match="has not all the columns land,Merkmal,Wert"):
        facts_of(written(tmp_path, "a.tsv", "Peru\tcapital\tLima\n"), "land,Merkmal,Wert")


def test_a_first_line_that_may_be_a_header_is_told(tmp_path):
    rows = [f"s{number}\tcapital\to{number}" for number in range(9)]
    for first, told in (("land\tMerkmal\tWert", 1), ("s\tcapital\to", 0)):
        reader = FactReader(written(tmp_path, "a.tsv", "\n".join([first, *rows])), columns=Wanted.parse("s,p,o"))
        assert len(list(reader.read())) == 10
        assert [notice.endswith("if that is a header, pass --columns land,Merkmal,Wert") for notice in reader.notices] == [True] * told


@pytest.mark.parametrize("text", ["subject,predicate", "subject,subject,object", "a,b", "s,p,o,what", ""])
def test_columns_that_are_no_facts_are_refused(text):
    with pytest.raises(UserError, match="--columns"):
        Wanted.parse(text)


def test_without_a_header_an_unknown_predicate_is_a_bad_line_whatever_it_may_be(tmp_path):
    path = written(tmp_path, "a.tsv", "x\trel\ty\nPeru\tcapital\tLima\nChile\tcapitol\tSantiago\nPeru\tpopulation\tmany\n")
    reader = FactReader(path, skip_bad=True, ontology=ONTOLOGY)
    assert [fact.subject for fact in reader.read()] == ["Peru"]
    assert reader.bad == [
        f"{path}:1: no predicate 'rel' in the ontology; there are capital, population, borders",
        f"{path}:3: no predicate 'capitol' in the ontology; did you mean 'capital'?",
        f"{path}:4: object 'many': population wants a number",
    ]
    assert reader.skipped == {"invalid": 3}


def test_further_columns_are_qualifiers_source_and_key_and_others_are_told(tmp_path):
    path = written(
        tmp_path, "a.csv", "subject,predicate,object,fact_id,source,qualifiers.date,sourse,mood\nPeru,capital,Lima,pe,atlas,1535,x,y\n"
    )
    reader = FactReader(path)
    (fact,) = reader.read()
    assert (fact.fact_id, fact.source, fact.qualifiers) == ("pe", "atlas", {"date": "1535"})
    assert reader.ignored == {"sourse": 1, "mood": 1}


def test_numbers_and_booleans_become_text_as_they_are_written(tmp_path):
    lines = [
        '{"subject":"Peru","predicate":"population","object":33000000}',
        '{"subject":"Peru","predicate":"area","object":1.50}',
        '{"subject":"Peru","predicate":"share","object":1e-12}',
        '{"subject":"Peru","predicate":"id","object":18446744073709551616}',
        '{"subject":"Peru","predicate":"coast","object":true}',
        '{"subject":2020,"predicate":"leap","object":"yes","qualifiers":{"date":2020,"sure":false,"unit":null}}',
    ]
    facts = list(FactReader(written(tmp_path, "a.jsonl", "\n".join(lines))).read())
    assert [fact.object for fact in facts] == ["33000000", "1.50", "1e-12", "18446744073709551616", "true", "yes"]
    assert (facts[-1].subject, facts[-1].qualifiers) == ("2020", {"date": "2020", "sure": "false"})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"subject":"Peru","predicate":"capital","object":null}', "`object` is null"),
        ('{"subject":"Peru","predicate":"capital","object":""}', "`object` is blank"),
        ('{"subject":" ","predicate":"capital","object":"Lima"}', "`subject` is blank"),
        ('{"subject":"Peru","object":"Lima"}', "it has no `predicate`"),
        ('{"subjekt":"Peru","predicate":"capital","object":"Lima"}', "it has no `subject`"),
        ('{"subject":"Peru","predicate":"capital","object":["Lima"]}', "object: Input should be a valid string"),
        ('{"subject":"Peru","predicate":"capital","object":"Lima","qualifiers":"1535"}', "qualifiers: an object"),
        ('{"subject":"Peru","predicate":"capital","object":"Lima","qualifiers":{"date":[1]}}', "qualifiers.date"),
        ('{"subject":"Peru","predicate":"capital","object":NaN}', "NaN"),
        ('["Peru","capital","Lima"]', "a JSON object is wanted"),
        ('{"schema":{},"payload":{"subject":"Peru"}}', "it has no `subject`"),
        ('{"subject":"Peru","predicate":"capital","object":"Lima","qualifiers":{"note":"' + "x" * 1_000_000 + '"}}', "bytes as a message"),
        ('{"subject":"Peru","predicate":"capital","object":"' + "x" * 3000 + '"}', "object: String should have at most 2000"),
    ],
    ids=lambda value: value[:60],
)
def test_what_is_no_fact_is_refused_by_its_line(tmp_path, line, told):
    path = written(tmp_path, "a.jsonl", '{"subject":"Peru","predicate":"capital","object":"Lima"}\n' + line + "\n")
    with pytest.raises(UserError) as refused:
        facts_of(path)
    assert str(refused.value).startswith(f"{path}:2: ")
    assert told in str(refused.value)
    reader = FactReader(path, skip_bad=True)
    assert len(list(reader.read())) == len(reader.bad) == 1


def test_a_hash_begins_a_comment_at_the_beginning_of_a_line_alone(tmp_path):
    lines = "# made by hand\nAnders Hejlsberg\tC# (language)\tdesigned\nC# (language)\t# of keywords\thas\n\n#Peru\tLima\tcapital\n"
    reader = FactReader(written(tmp_path, "a.edgelist", lines))
    assert [(fact.subject, fact.object) for fact in reader.read()] == [
        ("Anders Hejlsberg", "C# (language)"),
        ("C# (language)", "# of keywords"),
    ]
    assert reader.notices == [f"{tmp_path / 'a.edgelist'}: 2 lines are comments (they begin with `#`)"]


def test_each_line_of_an_edge_list_is_a_fact_or_a_refusal(tmp_path):
    lines = ["Peru\tLima\tcapital", "Peru\tLima", '"Peru\tLima\tcapital', "a\tb\tc\td", "Peru\t\tcapital", "Chile\tSantiago\tcapital\t"]
    reader = FactReader(written(tmp_path, "a.edgelist", "\n".join(lines) + "\n"), skip_bad=True)
    assert len(list(reader.read())) + len(reader.bad) == len(lines)
    assert len(reader.bad) == 3


def test_an_edge_list_of_networkx_keeps_its_attributes(tmp_path):
    graph = nx.MultiDiGraph()
    graph.add_edge("Carmen", "Georges Bizet", predicate="composed_by", date="1875", acts=4)
    graph.add_edge("La Bohème", "Puccini", relation="composed_by")
    for name in ("a.edgelist", "a.tsv"):
        nx.write_edgelist(graph, tmp_path / name, delimiter="\t")
        first, second = FactReader(tmp_path / name).read()
        assert (first.subject, first.predicate, first.object) == ("Carmen", "composed_by", "Georges Bizet")
        assert first.qualifiers == {"date": "1875", "acts": "4"}
        assert second.predicate == "composed_by"


def test_a_packed_file_in_another_encoding_is_read_as_any_other(tmp_path):
    content = "subject;predicate;object\r\nPérou;capitale;Lima\r\n"
    path = written(tmp_path, "a.csv.gz", gzip.compress(content.encode("cp1252")))
    with pytest.raises(UserError, match="--encoding"):
        facts_of(path)
    assert facts_of(path, encoding="cp1252") == [("Pérou", "capitale", "Lima")]
    assert facts_of(written(tmp_path, "b.csv", content.encode("utf-16"))) == [("Pérou", "capitale", "Lima")]


def test_of_ten_thousand_damaged_rows_each_is_a_fact_or_is_named(tmp_path):
    damage = {17: "torn", 4000: "a\tb\tc\td", 5001: "x\t\ty", 7777: "\0\tcapital\tz", 9000: "x\t" + "p" * 300 + "\ty"}
    rows = [damage.get(number, f"s{number}\tcapital\to{number}") for number in range(1, 10_001)]
    reader = FactReader(written(tmp_path, "a.tsv", "\n".join(rows)), skip_bad=True, columns=Wanted.parse("s,p,o"))
    assert len(list(reader.read())) == 10_000 - len(damage)
    assert [line.removeprefix(f"{tmp_path / 'a.tsv'}:").split(":")[0] for line in reader.bad] == [str(number) for number in damage]


def test_ids_are_those_that_the_statement_alone_gives(tmp_path):
    statement = {"subject": "Peru", "predicate": "population", "object": 33}
    (one,) = FactReader(written(tmp_path, "a.jsonl", json.dumps(statement))).read()
    (two,) = FactReader(written(tmp_path, "a.csv", "subject,predicate,object\nPeru,population,33\n")).read()
    assert one.fact_id == two.fact_id
