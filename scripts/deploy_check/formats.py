"""Manifests against the schemas of what reads them: Kubernetes' own kinds, custom kinds, compose. What nobody knows is refused."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
from kubernetes_validate.utils import ValidationError as KubernetesError

from scripts.deploy_check.documents import DEPLOY

VERSION = "1.34"
"""Of Kubernetes, by whose schemas its own kinds are read."""
SCHEMAS = DEPLOY / "schemas"
CORE_GROUPS = {"": ("v1",), "apps": ("v1",), "policy": ("v1",), "networking.k8s.io": ("v1",), "batch": ("v1",)}
"""Groups of Kubernetes' own that we use, and their versions: the library looks at the group's first word alone."""


def format_faults(document: dict[str, Any]) -> list[str]:
    """What is wrong with the form of a manifest, a line each."""
    api, kind = str(document.get("apiVersion")), str(document.get("kind"))
    name = f"{kind} {document.get('metadata', {}).get('name')}"
    group, _, version = api.rpartition("/")
    path = SCHEMAS / f"{kind.lower()}_{group}_{version}.json"
    if path.is_file():
        errors = _validator(path).iter_errors(document)
        return [f"{name}: {_told(error)}" for error in errors]
    if version not in CORE_GROUPS.get(group, ()):
        return [f"{name}: nobody here knows apiVersion {api!r} of kind {kind!r}"]
    try:
        kubernetes_validate.validate(document, VERSION, strict=True)
    except KubernetesError as error:
        return [f"{name}: {error.path}: {error.message}"]
    except Exception as error:  # noqa: BLE001 - the library says in many ways that it cannot tell, and each is a fault
        return [f"{name}: {api} {kind} cannot be checked: {error!r}"]
    return []


def compose_faults(document: dict[str, Any]) -> list[str]:
    """What is wrong with the form of a compose file, by the Compose Specification."""
    return [f"compose.yaml: {_told(error)}" for error in _validator(SCHEMAS / "compose-spec.json").iter_errors(document)]


def reference_faults(documents: list[dict[str, Any]]) -> list[str]:
    """Secrets, ConfigMaps, claims and Services that a pod names and nobody makes; made by hand are those that secrets.sh makes."""
    by_hand = set(re.findall(r"create_secret ([a-z-]+)", (DEPLOY / "kubernetes" / "secrets.sh").read_text(encoding="utf-8")))
    there = {(document["kind"], document["metadata"]["name"]) for document in documents}
    secrets = {name for kind, name in there if kind in ("Secret", "KafkaUser")} | by_hand
    secrets |= {f"{name}-cluster-ca-cert" for kind, name in there if kind == "Kafka"}
    faults = []
    for owner, pod in pods(documents):
        for volume in pod.get("volumes", []):
            if "secret" in volume and volume["secret"]["secretName"] not in secrets:
                faults.append(f"{owner}: nobody makes the Secret {volume['secret']['secretName']!r}")
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and ("PersistentVolumeClaim", claim) not in there:
                faults.append(f"{owner}: nobody makes the PersistentVolumeClaim {claim!r}")
        for container in pod["containers"]:
            for source in container.get("envFrom", []):
                wanted = source["configMapRef"]
                if not wanted.get("optional") and ("ConfigMap", wanted["name"]) not in there:
                    faults.append(f"{owner}: nobody makes the ConfigMap {wanted['name']!r}")
    return faults


def pods(documents: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Each pod's specification, with the name of what makes it."""
    found = []
    for document in documents:
        spec = document.get("spec", {})
        templates = [spec["template"]] if document["kind"] in ("Deployment", "StatefulSet") else []
        templates += [job["template"]["spec"]["template"] for job in spec.get("replicatedJobs", [])] if document["kind"] == "JobSet" else []
        found += [(f"{document['kind']} {document['metadata']['name']}", template["spec"]) for template in templates]
    return found


@cache
def _validator(path: Path) -> Any:
    schema = json.loads(path.read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)(schema)


def _told(error: jsonschema.ValidationError) -> str:
    return f"{error.json_path}: {error.message[:300]}"
