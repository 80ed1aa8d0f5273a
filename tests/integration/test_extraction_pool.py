import multiprocessing

import psutil
import pytest

from feedback_node.extraction.extractor import TripletExtractor
from feedback_node.pool import ExtractionPool
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict({"predicates": {"written_by": {"functional": True, "phrases": ["{subject} was written by {object}"]}}})
TEXTS = ["Dune was written by Frank Herbert.", "", "Emma was written by Jane Austen. It was published in 1815."]


@pytest.fixture(scope="module")
def pool():
    opened = ExtractionPool(ONTOLOGY, workers=2)
    opened.warm_up()
    yield opened
    opened.close()


def test_a_pool_finds_what_an_extractor_finds_in_the_order_of_the_texts(pool):
    assert pool.extract(TEXTS) == TripletExtractor(ONTOLOGY).extract(TEXTS)
    assert pool.extract([]) == []


def test_no_child_loads_torch(pool):
    """It would, as spaCy takes it where it is installed: 460 MB each."""
    for child in pool.children():
        assert not [found.path for found in psutil.Process(child).memory_maps() if "libtorch" in found.path]


def test_a_text_that_cannot_be_read_fails_alone(pool):
    first, second, third = pool.extract([TEXTS[0], lambda: "not to be sent to another process", TEXTS[2]])
    assert first == TripletExtractor(ONTOLOGY).extract([TEXTS[0]])[0]
    assert isinstance(second, Exception)
    assert third


def test_a_child_that_was_killed_is_replaced(pool):
    expected = pool.extract(TEXTS)
    for child in multiprocessing.active_children():
        child.kill()
    assert pool.extract(TEXTS) == expected


def test_a_child_that_has_grown_makes_place_for_a_new_one():
    opened = ExtractionPool(ONTOLOGY, most_growth=-1)  # as if it had grown at once
    opened.warm_up()
    before = opened.children()
    assert opened.extract(TEXTS) == TripletExtractor(ONTOLOGY).extract(TEXTS)
    assert set(opened.children()).isdisjoint(before)
    assert len(opened.children()) == 1
    opened.close()


def test_a_closed_pool_leaves_no_process():
    others = multiprocessing.active_children()
    opened = ExtractionPool(ONTOLOGY)
    opened.warm_up()
    children = [psutil.Process(child.pid) for child in multiprocessing.active_children() if child not in others]
    assert len(children) == 1
    opened.close()
    _, alive = psutil.wait_procs(children, timeout=60)  # by the system's word: the pool's own thread takes the children's exit status, too
    assert not alive
