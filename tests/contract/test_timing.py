"""The table of slow test files, as `make test` prints it: over several processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUSY = "import time\ndef spin(seconds):\n    end = time.process_time() + seconds\n    while time.process_time() < end: pass\n"
FILES = {
    "test_idle.py": "import time\ndef test_waits():\n    time.sleep(1)\n",
    "test_busy.py": BUSY + "def test_one():\n    spin(0.2)\ndef test_two():\n    spin(0.2)\n",
    "test_quick.py": "def test_nothing():\n    pass\n",
}


def test_the_slowest_files_are_printed_with_their_sum_and_waiting_is_told_from_work(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    plugins = ["-p", "xdist", "-p", "tests.timing", "-n", "2", "--dist", "loadfile", "--rootdir", str(tmp_path), "-c", os.devnull]
    command = [sys.executable, "-m", "pytest", *plugins, "--slowest-files", "2", str(tmp_path)]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout
    rows = re.findall(r"^ *([\d.]+) +([\d.]+) +(\d+)  ([\w.]+)", done.stdout, re.M)
    table = {name: (float(wall), float(processor), int(tests)) for wall, processor, tests, name in rows}
    assert set(table) == {"test_idle.py", "test_busy.py", "sum"}, "the quickest is not among the two slowest"
    *files, total = table.values()
    assert [wall for wall, _, _ in files] == sorted((wall for wall, _, _ in files), reverse=True)
    idle, busy = table["test_idle.py"], table["test_busy.py"]
    assert idle[0] >= 1 > idle[1], "waiting is no work"
    assert busy[1] >= 0.35
    assert (idle[2], busy[2], total[2]) == (1, 2, 4)
    assert total[0] >= idle[0] + busy[0] - 0.1, "rounded"
