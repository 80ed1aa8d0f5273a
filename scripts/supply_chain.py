"""What is installed, as a bill of materials (`make sbom`), and whether anything of it is known to be vulnerable (`make audit`).

Both read the locked requirements, hashes and all; the tools come with uv into environments of their own. A tool that looked at nothing is
no success: pip-audit passes over what its database does not answer for, and ends with 0.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.setup import find_uv

ROOT = Path(__file__).resolve().parent.parent
LOCKED = tuple(ROOT / "requirements" / name for name in ("locked.txt", "no-deps.txt", "model.txt"))
SBOM = ROOT / "runs" / "sbom.cdx.json"
"""Where the bill is written, in CycloneDX's JSON."""
CYCLONEDX, PIP_AUDIT = "cyclonedx-bom==7.5.0", "pip-audit==2.10.1"
VULNERABLE, NOTHING_AUDITED = 1, 3
"""Exit codes."""


def pins(text: str) -> dict[str, list[str]]:
    """Requirement -> its hashes, of a locked file."""
    entries = re.split(r"\n(?=\S)", text.replace("\\\n", " "))
    return {entry.split()[0]: re.findall(r"--hash=(\S+)", entry) for entry in entries if "==" in entry.split("#")[0]}


def sbom() -> int:
    """Write the bill of all that is locked; refuse one that leaves something out."""
    wanted = {name.split("==")[0].lower() for path in LOCKED for name in pins(path.read_text(encoding="utf-8"))}
    components: dict[str, Any] = {}
    for path in LOCKED:
        words = [find_uv(), "tool", "run", "--from", CYCLONEDX, "cyclonedx-py", "requirements", str(path), "--output-reproducible"]
        made = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout)
        components |= {part["name"].lower(): part for part in made["components"]}
    if missing := wanted - components.keys():
        print(f"the bill leaves out {', '.join(sorted(missing))}", file=sys.stderr)
        return 2
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(made | {"components": [components[name] for name in sorted(components)], "dependencies": []}, indent=1))
    print(f"wrote {SBOM.relative_to(ROOT)}: {len(components)} packages")
    return 0


def audit() -> int:
    """Look each locked package up; says how many could be."""
    audited = 0
    vulnerable, passed_over = [], []
    for path in LOCKED:
        words = [find_uv(), "tool", "run", "--from", PIP_AUDIT, "pip-audit", "-r", str(path), "--require-hashes", "--disable-pip"]
        done = subprocess.run([*words, "--progress-spinner", "off", "-f", "json"], stdout=subprocess.PIPE, encoding="utf-8", check=False)
        for package in json.loads(done.stdout)["dependencies"]:
            if "skip_reason" in package:
                passed_over.append(package["name"])
                continue
            audited += 1
            vulnerable += [f"{package['name']} {package['version']}: {found['id']}" for found in package["vulns"]]
    for line in vulnerable:
        print(line)
    print(f"{audited} packages looked up, {len(passed_over)} that the database did not answer for, {len(vulnerable)} vulnerabilities")
    if not audited:
        print("nothing was audited: the database of known faults cannot be reached from here", file=sys.stderr)
        return NOTHING_AUDITED
    return VULNERABLE if vulnerable else 0


if __name__ == "__main__":
    sys.exit({"sbom": sbom, "audit": audit}[sys.argv[1]]())
