"""What reading graph files promises."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from schemas.errors import UserError
from streams.knowledge.files import is_graph_file, read_graph_file


def test_an_edge_list_gives_its_facts_in_order(tmp_path):
    path = tmp_path / "music.tsv"
    path.write_text("Carmen\tGeorges Bizet\tcomposed_by\nLa Bohème\tPuccini\tcomposed_by\n", encoding="utf-8")
    assert [(fact.subject, fact.predicate, fact.object) for fact in read_graph_file(path)] == [
        ("Carmen", "composed_by", "Georges Bizet"),
        ("La Bohème", "composed_by", "Puccini"),
    ]


def test_graphml_gives_names_predicates_and_qualifiers(tmp_path):
    graph = nx.MultiDiGraph()
    graph.add_node("q1", name="Carmen")
    graph.add_node("q2", label="Bizet")
    graph.add_edge("q1", "q2", predicate="composed_by", date="1875", fact_id="carmen", source="a library")
    graph.add_edge("q1", "q2", predicate="loved_by")
    path = tmp_path / "music.graphml"
    nx.write_graphml(graph, path)
    first, second = read_graph_file(path)
    assert (first.fact_id, first.subject, first.predicate, first.object) == ("carmen", "Carmen", "composed_by", "Bizet")
    assert (first.qualifiers, first.source) == ({"date": "1875"}, "a library")
    assert second.predicate == "loved_by"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("torn.graphml", "<graphml><node", "not GraphML"),
        ("torn.tsv", "Carmen\tBizet\tcomposed_by\tby\textra\nAida\tVerdi\n", "not an edge list"),
        ("bare.graphml", None, "has no predicate"),
        ("long.tsv", f"{'x' * 600}\tBizet\tcomposed_by\n", "subject"),
    ],
)
def test_a_file_of_another_kind_is_told_in_one_line(tmp_path, name, content, words):
    path: Path = tmp_path / name
    if content is None:
        nx.write_graphml(nx.DiGraph([("Carmen", "Bizet")]), path)
    else:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=words) as raised:
        list(read_graph_file(path))
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_told(tmp_path):
    for name in ("none.graphml", "none.tsv"):
        with pytest.raises(UserError, match="cannot be read"):
            list(read_graph_file(tmp_path / name))


def test_files_are_known_by_their_ending():
    assert [is_graph_file(Path(name)) for name in ("a.graphml", "a.TSV", "a.jsonl", "a.csv")] == [True, True, False, False]
