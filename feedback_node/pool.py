"""Extraction in processes of its own: parsing takes the interpreter for itself, and a node must go on answering its broker meanwhile."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from schemas.triplet import Triplet
from streams.imported import kept_out
from streams.knowledge.ontology import Ontology

if TYPE_CHECKING:
    from feedback_node.extraction.extractor import TripletExtractor

Spans = Sequence[tuple[int, int]]
"""First characters and ends of parts of a text, in order."""
Given = tuple[str, Spans]
"""A text, and what of it is known to be one name."""
logger = logging.getLogger(__name__)

MOST_GROWTH = 400_000_000
"""Bytes that a child may hold more than at its first batch. spaCy keeps some 40 bytes of each word that it was told to forget, for good
(`benchmarks/bench_words.py`); a child that has grown by so much makes place for a new one."""

_extractor: TripletExtractor | None = None
"""The extractor of this child process."""


class ExtractionPool:
    """Finds the claims of texts in `workers` child processes, which live as long as this one."""

    def __init__(self, ontology: Ontology, workers: int = 1, most_growth: int = MOST_GROWTH) -> None:
        self._ontology = ontology
        self._workers = workers
        self._most_growth = most_growth
        self._first_held: dict[int, int] = {}
        self._untried = True
        self._pool = self._open()

    def warm_up(self) -> None:
        """Load the language model in every child; the first texts would wait for it. Tells phrases that can never match, once."""
        for future in [self._pool.submit(_extract, [("A word.", ())]) for _ in range(self._workers)]:
            future.result()
        if self._untried:
            self._untried = False
            for line in self._pool.submit(_unheard, self._ontology).result():
                logger.warning(line)

    def extract(self, texts: Sequence[str], names: Sequence[Spans] = ()) -> list[list[Triplet] | Exception]:
        """The claims of each text, or what its extraction raised: one bad text does not harm the others.

        `names`: for each text the spans that are one name each.
        """
        share = -(-len(texts) // self._workers) or 1
        given = list(zip(texts, [*names, *[()] * (len(texts) - len(names))], strict=True))
        parts = [given[at : at + share] for at in range(0, len(given), share)]
        try:
            futures = [self._pool.submit(_extract, part) for part in parts]
        except BrokenProcessPool:
            return self._each(given)
        found = [one for part, future in zip(parts, futures, strict=True) for one in self._result(part, future)]
        self._renew_grown()
        return found

    def _renew_grown(self) -> None:
        """Begin anew with fresh children, ready to work, where one has grown too much."""
        for child in self.children():
            with suppress(psutil.Error):
                held = psutil.Process(child).memory_info().rss
                if held - self._first_held.setdefault(child, held) > self._most_growth:
                    logger.info("an extracting process has grown to %d MB and makes place for a new one", held // 1_000_000)
                    self._pool.shutdown(wait=False)
                    self._first_held.clear()
                    self._pool = self._open()
                    self.warm_up()
                    return

    def children(self) -> list[int]:
        """Process ids of the children."""
        return list(self._pool._processes or {})

    def close(self) -> None:
        """End the children; work in flight is dropped."""
        for child in list((self._pool._processes or {}).values()):
            child.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> ProcessPoolExecutor:
        # A forked child would inherit the threads' locks, held for ever.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, context, initializer=_begin, initargs=(self._ontology,))

    def _result(self, texts: Sequence[Given], future: Future[list[list[Triplet]]]) -> Sequence[list[Triplet] | Exception]:
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 - told for each text
            logger.warning("extraction of %d texts failed (%s: %s); each is tried by itself", len(texts), type(error).__name__, error)
            return self._each(texts)

    def _each(self, texts: Sequence[Given]) -> list[list[Triplet] | Exception]:
        return [self._one(text) for text in texts]

    def _one(self, text: Given) -> list[Triplet] | Exception:
        for last_try in (False, True):
            try:
                return self._pool.submit(_extract, [text]).result()[0]
            except BrokenProcessPool as error:
                self._pool.shutdown(wait=False)
                self._pool = self._open()
                if last_try:  # the first may have been broken by another text
                    return RuntimeError(f"the extracting process died ({error})")
            except Exception as error:  # noqa: BLE001 - it belongs to the text
                return error
        raise AssertionError("unreachable")


def _begin(ontology: Ontology) -> None:
    """In a child: load the model, leave Ctrl-C to the parent, and end when the parent is gone, also by SIGKILL."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Each child is one processor's work: a BLAS with threads of its own would take the others' turns.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with kept_out("torch"):  # the model does not use it
        from feedback_node.extraction.extractor import TripletExtractor

    global _extractor
    _extractor = TripletExtractor(ontology)
    gc.collect()
    gc.freeze()  # the model stays, and a parse makes no cycles to speak of
    gc.set_threshold(20_000)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)


def _extract(given: Sequence[Given]) -> list[list[Triplet]]:
    assert _extractor is not None
    return _extractor.extract([text for text, _ in given], [names for _, names in given])


def _unheard(ontology: Ontology) -> list[str]:
    from feedback_node.extraction.tried import unheard_phrases

    assert _extractor is not None
    return unheard_phrases(_extractor, ontology)
