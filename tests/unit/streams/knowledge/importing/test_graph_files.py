"""Facts in RDF, GraphML and HIF: text as it is written, each fact once, direction and roles kept, nothing passed over in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest
from jsonschema import Draft7Validator

from schemas.errors import UserError
from schemas.fact import Fact
from streams.knowledge.importing.hif import document_of
from streams.knowledge.importing.reader import FactReader
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict({"predicates": {"capital": {}, "borders": {"symmetric": True}}})
TURTLE = """@prefix : <http://x/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:Q419 :P36 :Q2868 ; :population "007"^^xsd:integer ; :area 1.50 ; :founded "1821-07-28T00:00:00Z"^^xsd:dateTime ;
  :motto "Firme y feliz"@es ; :odd "not a number"^^xsd:integer ; rdfs:label "Perou"@fr, "Peru"@en, "Perú"@es ; :about <page> .
:Q2868 rdfs:label "Lima" . :P36 rdfs:label "capital" .
"""


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def statements(path: Path, **about: object) -> list[tuple[str, str, str]]:
    return [(fact.subject, fact.predicate, fact.object) for fact in FactReader(path, **about).read()]  # type: ignore[arg-type]


class TestRdf:
    def test_text_is_as_it_is_written_and_labels_name_what_they_label(self, tmp_path):
        reader = FactReader(written(tmp_path, "a.ttl", TURTLE))
        facts = {fact.predicate: fact for fact in reader.read()}
        assert {name: (fact.subject, fact.object) for name, fact in facts.items()} == {
            "capital": ("Peru", "Lima"),
            "population": ("Peru", "007"),
            "area": ("Peru", "1.50"),
            "founded": ("Peru", "1821-07-28T00:00:00Z"),
            "motto": ("Peru", "Firme y feliz"),
            "odd": ("Peru", "not a number"),
            "about": ("Peru", "page"),
        }
        assert facts["motto"].qualifiers == {"lang": "es"}
        assert reader.notices == [f"{tmp_path / 'a.ttl'}: 5 labels were taken as the names of what they label"]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.nt", "<http://x/Peru> <http://x#capital> <http://x/S%C3%A3o_Paulo> .\n"),
            ("a.nq", "<http://x/Peru> <http://x#capital> <http://x/S%C3%A3o_Paulo> <http://g> .\n"),
            ("a.trig", "@prefix : <http://x/> . <http://g> { :Peru <http://x#capital> <http://x/S%C3%A3o_Paulo> }"),
            (
                "a.rdf",
                '<?xml version="1.0"?><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x#">'
                '<r:Description r:about="http://x/Peru"><x:capital r:resource="http://x/S%C3%A3o_Paulo"/></r:Description></r:RDF>',
            ),
        ],
    )
    def test_every_format_is_read(self, tmp_path, name, content):
        (fact,) = FactReader(written(tmp_path, name, content)).read()
        assert (fact.subject, fact.predicate, fact.object) == ("Peru", "capital", "São_Paulo")
        assert fact.source == ("http://g" if name in ("a.nq", "a.trig") else None)

    def test_the_order_is_the_same_in_every_process(self, tmp_path):
        path = written(tmp_path, "a.ttl", TURTLE)
        code = (
            "import sys; from pathlib import Path; from streams.knowledge.importing.reader import FactReader;"
            "print([fact.predicate for fact in FactReader(Path(sys.argv[1])).read()])"
        )
        seen = {
            subprocess.run(
                [sys.executable, "-c", code, str(path)], env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, check=True
            ).stdout
            for seed in ("1", "2")
        }
        assert len(seen) == 1

    def test_a_predicate_that_the_ontology_knows_keeps_its_name(self, tmp_path):
        label = "<http://www.w3.org/2000/01/rdf-schema#label>"
        path = written(tmp_path, "a.ttl", f'@prefix : <http://x/> . :Peru :capital :Lima . :capital {label} "has capital" .')
        assert statements(path, ontology=ONTOLOGY) == [("Peru", "capital", "Lima")]
        assert statements(path) == [("Peru", "has capital", "Lima")]

    def test_two_uris_of_one_name_are_told_apart_and_what_has_no_name_is_refused(self, tmp_path):
        turtle = "@prefix : <http://x/> . :Peru :capital :Lima . <http://y/Lima> :in :Ohio . :Ada :born_in <http://y/Lima> . [] :of :Lima ."
        reader = FactReader(written(tmp_path, "a.ttl", turtle), skip_bad=True)
        assert {(fact.subject, fact.predicate, fact.object) for fact in reader.read()} == {
            ("Ada", "born_in", "Lima"),
            ("Lima", "in", "Ohio"),
            ("Peru", "capital", "Lima (http://x/Lima)"),
        }
        assert [line.split(": ", 2)[2] for line in reader.bad] == ["a blank node without an rdfs:label has no name"]
        assert any("1 URI has a name that another has" in notice for notice in reader.notices)

    def test_a_bad_line_of_n_triples_costs_itself_alone_and_is_named(self, tmp_path):
        lines = [f"<http://x/s{n}> <http://x/p> <http://x/o{n}> ." for n in range(50)]
        lines[7] = "Peru capital Lima"
        path = written(tmp_path, "a.nt", "\n".join(lines))
        reader = FactReader(path, skip_bad=True)
        assert len(list(reader.read())) == 49
        assert [line.split(" ")[0] for line in reader.bad] == [f"{path}:8:"]
        with pytest.raises(UserError, match=r"a\.nt:8: not N-Triples"):
            statements(path)

    def test_json_ld_is_named_and_not_taken_for_rows(self, tmp_path):
        with pytest.raises(UserError, match=r"a\.jsonld: JSON-LD, whose words may be fetched from elsewhere, is not read"):
            statements(written(tmp_path, "a.jsonld", '{"@context": "http://x/", "@id": "Peru"}'))

    def test_a_file_of_another_kind_is_told_in_one_line(self, tmp_path):
        for name in ("a.ttl", "a.trig", "a.rdf"):
            with pytest.raises(UserError, match=f"{name}: not ") as refused:
                statements(written(tmp_path, name, "subject,predicate\nPeru"))
            assert "\n" not in str(refused.value)


def graphml(body: str, keys: str = "", direction: str = "directed") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
        f'<key id="p" for="edge" attr.name="predicate" attr.type="string"/><key id="n" for="node" attr.name="name"/>{keys}'
        f'<graph edgedefault="{direction}">{body}</graph></graphml>'
    )


class TestGraphml:
    def test_names_predicates_and_qualifiers_of_networkx(self, tmp_path):
        graph = nx.MultiDiGraph()
        graph.add_node("q1", name="Carmen")
        graph.add_node("q2", label="Bizet")
        graph.add_edge("q1", "q2", predicate="composed_by", date="1875", fact_id="carmen", source="a library")
        graph.add_edge("q1", "q2", predicate="loved_by")
        nx.write_graphml(graph, tmp_path / "a.graphml")
        first, second = FactReader(tmp_path / "a.graphml").read()
        assert (first.fact_id, first.subject, first.predicate, first.object) == ("carmen", "Carmen", "composed_by", "Bizet")
        assert (first.qualifiers, first.source) == ({"date": "1875"}, "a library")
        assert (second.predicate, second.fact_id[:2]) == ("loved_by", "f-")

    def test_an_undirected_edge_is_one_fact(self, tmp_path):
        body = '<node id="Peru"/><node id="Chile"/><edge source="Peru" target="Chile"><data key="p">borders</data></edge>'
        assert statements(written(tmp_path, "a.graphml", graphml(body, direction="undirected"))) == [("Peru", "borders", "Chile")]

    def test_an_edges_id_is_neither_predicate_nor_key(self, tmp_path):
        body = '<node id="Peru"/><node id="Lima"/><edge id="e17" source="Peru" target="Lima"/>'
        with pytest.raises(UserError, match="edge 1, 'Peru' -> 'Lima': no predicate"):
            statements(written(tmp_path, "a.graphml", graphml(body)))

    def test_the_defaults_of_keys_apply(self, tmp_path):
        keys = (
            '<key id="d" for="edge" attr.name="unit" attr.type="string"><default>km</default></key>'
            '<key id="r" for="edge" attr.name="relation" attr.type="string"><default>near</default></key>'
        )
        body = '<edge source="a" target="b"/><edge source="b" target="c"><data key="r">far</data><data key="d">m</data></edge>'
        first, second = FactReader(written(tmp_path, "a.graphml", graphml(body, keys))).read()
        assert (first.predicate, first.qualifiers) == ("near", {"unit": "km"})
        assert (second.predicate, second.qualifiers) == ("far", {"unit": "m"})

    def test_numbers_are_as_they_are_written(self, tmp_path):
        keys = '<key id="w" for="edge" attr.name="share" attr.type="double"/><key id="b" for="edge" attr.name="sure" attr.type="boolean"/>'
        body = '<edge source="a" target="b"><data key="p">of</data><data key="w">0.10</data><data key="b">true</data></edge>'
        (fact,) = FactReader(written(tmp_path, "a.graphml", graphml(body, keys))).read()
        assert fact.qualifiers == {"share": "0.10", "sure": "true"}

    def test_every_graph_of_a_file_is_read_with_its_own_nodes(self, tmp_path):
        edge = '<edge source="n0" target="n1"><data key="p">capital</data></edge>'
        one, two = (
            f'<node id="n0"><data key="n">{land}</data></node><node id="n1"><data key="n">{city}</data></node>{edge}'
            for land, city in (("Peru", "Lima"), ("Chile", "Santiago"))
        )
        path = written(tmp_path, "a.graphml", graphml(f"{one}</graph><graph>{two}"))
        assert statements(path) == [("Peru", "capital", "Lima"), ("Chile", "capital", "Santiago")]
        path = written(tmp_path, "b.graphml", graphml(f"{one}</graph><graph>{edge}"))
        assert statements(path) == [("Peru", "capital", "Lima"), ("n0", "capital", "n1")]

    def test_a_file_in_utf_16_is_read_as_its_declaration_says(self, tmp_path):
        body = '<edge source="Perú" target="Lima"><data key="p">capital</data></edge>'
        path = tmp_path / "a.graphml"
        path.write_bytes(graphml(body).replace('"UTF-8"', '"UTF-16"').encode("utf-16"))
        assert statements(path) == [("Perú", "capital", "Lima")]

    def test_two_nodes_of_one_name_are_not_made_one(self, tmp_path):
        edge = '<edge source="n0" target="n1"><data key="p">twin</data></edge>'
        body = f'<node id="n0"><data key="n">Paris</data></node><node id="n1"><data key="n">Paris</data></node>{edge}'
        with pytest.raises(UserError, match="node 'n1' would be named 'Paris', as node 'n0' is"):
            statements(written(tmp_path, "a.graphml", graphml(body)))

    def test_nodes_without_an_edge_are_told(self, tmp_path):
        reader = FactReader(written(tmp_path, "a.graphml", graphml('<node id="Atlantis"/>')))
        assert list(reader.read()) == []
        assert reader.notices == [f"{tmp_path / 'a.graphml'}: 1 node is in no edge: no fact speaks of it"]

    @pytest.mark.parametrize("content", ["<graphml><node", "<html/>", "", "{}", graphml("<hyperedge/>")])
    def test_what_is_no_graphml_is_told_in_one_line(self, tmp_path, content):
        with pytest.raises(UserError, match=r"a\.graphml: ") as refused:
            statements(written(tmp_path, "a.graphml", content))
        assert "\n" not in str(refused.value)


FACTS = [
    Fact(subject="Peru", predicate="capital", object="Lima", qualifiers={"date": "1535", "founder": "Francisco Pizarro"}, source="atlas"),
    Fact(subject="Peru", predicate="population", object="33 million", qualifiers={"date": "2020"}),
    Fact(fact_id="own", subject="Ouroboros", predicate="eats", object="Ouroboros"),
]
SCHEMA = {
    "type": "object",
    "required": ["incidences"],
    "additionalProperties": False,
    "properties": {
        "network-type": {"enum": ["undirected", "directed", "asc"]},
        "metadata": {"type": "object"},
        **{
            f"{kind}s": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": needed,
                    "properties": {
                        **{name: {"type": ["string", "integer"]} for name in needed},
                        "direction": {"enum": ["head", "tail"]},
                        "attrs": {"type": "object"},
                    },
                },
            }
            for kind, needed in (("incidence", ["edge", "node"]), ("node", ["node"]), ("edge", ["edge"]))
        },
    },
}
"""What HIF's own schema (version 0.1.0) asks for."""


def hif(**document: object) -> str:
    return json.dumps({"network-type": "directed", **document})


class TestHif:
    def test_what_is_written_comes_back_whole(self, tmp_path):
        document = document_of(FACTS)
        Draft7Validator(SCHEMA).validate(document)
        for name in ("a.hif.json", "a.json", "a.hif"):
            assert list(FactReader(written(tmp_path, name, json.dumps(document))).read()) == FACTS

    def test_a_fact_about_hif_is_a_fact(self, tmp_path):
        path = written(tmp_path, "a.json", '[{"subject": "HIF", "predicate": "incidences", "object": "network-type"}]')
        assert statements(path) == [("HIF", "incidences", "network-type")]

    def test_directions_and_roles_are_written(self):
        incidences = document_of(FACTS[:1])["incidences"]
        assert [(one["node"], one["direction"], one["attrs"]["role"]) for one in incidences] == [
            ("Peru", "tail", "subject"),
            ("Lima", "head", "object"),
            ("Francisco Pizarro", "tail", "founder"),
        ]

    def test_a_tool_that_keeps_directions_and_loses_roles_costs_nothing(self, tmp_path):
        document = document_of(FACTS)
        bare = [{name: one[name] for name in ("edge", "node", "direction")} for one in document["incidences"]]
        path = written(tmp_path, "a.json", json.dumps({**document, "incidences": bare[::-1]}))
        assert sorted(FactReader(path).read(), key=lambda fact: fact.fact_id) == sorted(FACTS, key=lambda fact: fact.fact_id)

    def test_a_directed_edge_of_another_tool_goes_from_tail_to_head(self, tmp_path):
        incidences = [{"edge": 7, "node": 2, "direction": "head"}, {"edge": 7, "node": 1, "direction": "tail"}]
        nodes = [{"node": 1, "attr": {"name": "Peru"}}, {"node": 2, "name": "Lima"}]
        edges = [{"edge": 7, "weight": 0.50, "attrs": {"relation": "capital"}}]
        (fact,) = FactReader(written(tmp_path, "a.json", hif(incidences=incidences, nodes=nodes, edges=edges))).read()
        assert (fact.subject, fact.predicate, fact.object, fact.qualifiers) == ("Peru", "capital", "Lima", {"weight": "0.5"})

    def test_an_undirected_edge_is_a_fact_only_where_its_predicate_is_symmetric(self, tmp_path):
        incidences = [{"edge": edge, "node": node} for edge in ("e1", "e2") for node in ("Peru", "Chile")]
        edges = [{"edge": "e1", "attrs": {"predicate": "borders"}}, {"edge": "e2", "attrs": {"predicate": "capital"}}]
        path = written(tmp_path, "a.json", json.dumps({"network-type": "undirected", "incidences": incidences, "edges": edges}))
        reader = FactReader(path, skip_bad=True, ontology=ONTOLOGY)
        assert [(fact.subject, fact.predicate, fact.object) for fact in reader.read()] == [("Peru", "borders", "Chile")]
        assert reader.bad == [f"{path}: edge 'e2': its nodes have neither direction nor role: nothing says which is the subject"]

    def test_empty_edges_are_refused_and_lone_nodes_told(self, tmp_path):
        document = hif(
            incidences=[], nodes=[{"node": "Atlantis"}], edges=[{"edge": "e1", "attrs": {"predicate": "capital"}}, {"edge": "e2"}]
        )
        reader = FactReader(written(tmp_path, "a.json", document), skip_bad=True)
        assert list(reader.read()) == []
        assert sorted(line.split(": ", 2)[2] for line in reader.bad) == [
            "it has no `subject`",
            "no predicate; give the edge an attribute `predicate`",
        ]
        assert "1 node is in no edge" in reader.notices[0]

    def test_two_heads_are_no_fact(self, tmp_path):
        incidences = [{"edge": "e", "node": node, "direction": side} for node, side in (("a", "tail"), ("b", "head"), ("c", "head"))]
        path = written(tmp_path, "a.json", hif(incidences=incidences, edges=[{"edge": "e", "attrs": {"predicate": "p"}}]))
        with pytest.raises(UserError, match="edge 'e': 'object' stands twice"):
            statements(path)

    @pytest.mark.parametrize(
        "content", ['{"incidences": 5}', '{"incidences": [{"edge": 1}]}', '{"incidences": [', '{"network-type": "directed"}']
    )
    def test_what_is_no_hif_is_told_in_one_line(self, tmp_path, content):
        with pytest.raises(UserError, match=r"a\.json: not HIF: ") as refused:
            statements(written(tmp_path, "a.json", content))
        assert "\n" not in str(refused.value)


def test_a_missing_file_is_told(tmp_path):
    for name in ("none.graphml", "none.tsv", "none.nt", "none.json"):
        with pytest.raises(UserError, match="cannot be read"):
            statements(tmp_path / name)
