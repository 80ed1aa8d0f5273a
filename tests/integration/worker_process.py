"""Real worker processes for the integration tests, and waiting for what they do."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from schemas.fact import Fact
from streams.kafka.producer import Producer

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds after which a test gives up; no promise about speed."""

ONTOLOGY = """
predicates:
  written_by:
    functional: true
    nouns: [author]
    verbs: [write]
    phrases: ["{subject} was written by {object}", "{object} wrote {subject}", "the author of {subject} is {object}"]
  born_in:
    functional: true
    nouns: [birthplace]
    phrases: ["{subject} was born in {object}"]
"""
"""A small ontology of books."""


@contextmanager
def producer_of_books(settings, folder):
    """A producer, two books on `facts`, and the ontology of books as `books.yaml` in the folder."""
    (folder / "books.yaml").write_text(ONTOLOGY)
    with Producer(settings) as made:
        for subject, target in (("Dune", "Frank Herbert"), ("Emma", "Jane Austen")):
            fact = Fact(subject=subject, predicate="written_by", object=target)
            made.send(settings.topics.facts, fact.fact_id, fact)
        made.flush()
        yield made


def eventually(condition, what="the condition", patience=PATIENCE):
    """Wait until `condition()` is true, and give what it returned."""
    deadline = time.monotonic() + patience
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {patience:.0f} s")
        time.sleep(0.1)


class WorkerProcess:
    """`pelton worker KIND ...` as a child process, its metrics on a free port."""

    def __init__(self, kind, settings, folder, *options, name=None):
        self._log = Path(folder) / f"{name or kind}-{time.monotonic_ns()}.err"
        command = [sys.executable, "-m", "cli.main", "worker", kind, "--metrics-port", "0", *options]
        with self._log.open("wb") as stderr:
            environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(REPOSITORY)}
            self.process = subprocess.Popen(command, env=environ, cwd=folder, stdout=subprocess.DEVNULL, stderr=stderr)

    @property
    def stderr(self):
        return self._log.read_text(errors="replace")

    def get(self, path):
        """Status and body of an address on the metrics port; status 0 while nothing listens."""
        port = re.search(r"metrics at http://[\d.]+:(\d+)/", self.stderr)
        if port is None:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self):
        """Wait until it is at work."""

        def is_ready():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.stderr}"
            return self.get("/readyz")[0] == 200

        eventually(is_ready, "readiness")
        return self

    def metric(self, name, **labels):
        """Value of a metric, summed over labels not given."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            if re.match(rf"{name}[{{ ]", line) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def stop(self):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        return self.wait()

    def wait(self):
        """The exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it did not end:\n{self.stderr}") from None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
