"""`python -m scripts.deploy_check`: every check of deploy/; 1 where anything is wrong or was only warned of. `make deploy-check`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts import kubernetes
from scripts.deploy_check.containers import container_faults, containers_of, secret_faults, services_of, target_faults
from scripts.deploy_check.documents import COMPOSE, DEPLOY, OVERLAYS, NoToolError, composed, kustomized
from scripts.deploy_check.formats import compose_faults, format_faults, reference_faults

PROMETHEUS = DEPLOY / "prometheus"


def compose_file_faults() -> list[str]:
    """Of compose.yaml, by its specification and by the code."""
    compose = composed(COMPOSE.read_text(encoding="utf-8"))
    faults = [*compose_faults(compose), *secret_faults(compose)]
    faults += [fault for container in services_of(compose) for fault in container_faults(container)]
    for name, among in (("targets/one-host.yml", None), ("compose-targets.yml", compose)):
        faults += target_faults(yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8")), among)
    return faults


def manifest_faults(documents: list[dict[str, Any]]) -> list[str]:
    """Of Kubernetes manifests, by their schemas, by each other and by the code."""
    faults = [fault for document in documents for fault in format_faults(document)]
    faults += reference_faults(documents)
    return faults + [fault for container in containers_of(documents) for fault in container_faults(container)]


def folder_faults(folder: Path) -> list[str]:
    """Of what kustomize makes of a folder."""
    try:
        return [f"{folder.name}: {fault}" for fault in manifest_faults(kustomized(folder))]
    except NoToolError as error:
        return [f"{folder.name}: not checked: {error} is not here"]
    except ValueError as error:
        return [str(error)]


def tool_faults() -> Iterator[str]:
    """What other programs say of the files; what only warns is a fault. A program that is missing is said, and is none."""
    profiles = [word for name in ("cpu", "gpu", "tools") for word in ("--profile", name)]
    asked = {
        "docker": ["docker", "compose", "-f", str(COMPOSE), *profiles, "config", "--quiet"],
        "promtool": ["promtool", "check", "config", str(PROMETHEUS / "prometheus.yml")],
        "bash": ["bash", "-n", str(DEPLOY / "up.sh")],
        "shellcheck": ["shellcheck", str(DEPLOY / "up.sh"), str(DEPLOY / "kubernetes" / "secrets.sh")],
    }
    for program, command in asked.items():
        there = shutil.which(program) is not None
        if there and program == "docker":
            there = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
        if not there:
            sys.stdout.write(f"not asked, since it is not here: {'docker compose' if program == 'docker' else program}\n")
            continue
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        if done.returncode or done.stderr.strip():
            yield f"{' '.join(command[:3])}: {(done.stderr or done.stdout).strip()[:1000]}"


def main() -> int:
    """Say every fault, a line each."""
    faults = [*compose_file_faults(), *(fault for folder in OVERLAYS for fault in folder_faults(folder)), *tool_faults()]
    faults += [f"{name} is not what the code says: `make schemas`" for name in kubernetes.FILES if not kubernetes.is_current(name)]
    sys.stdout.write("".join(f"{fault}\n" for fault in faults) or "deploy/: everything is right\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
