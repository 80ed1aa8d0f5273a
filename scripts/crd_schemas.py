"""JSON Schemas of the custom kinds in deploy/kubernetes, from the CRDs of their projects' releases: `python -m scripts.crd_schemas FOLDER`.

FOLDER holds a clone of each repository of SOURCES under its name (`strimzi/strimzi-kafka-operator`, say); the release's tag is read,
whatever is checked out. Descriptions are left out, and what a schema does not name is refused, as an API server in strict mode does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).parents[1] / "deploy" / "schemas"
STRIMZI = ("040-Crd-kafka", "043-Crd-kafkatopic", "044-Crd-kafkauser", "045-Crd-kafkanodepool")
SOURCES = {
    "strimzi/strimzi-kafka-operator": (
        "1.2.0",
        [f"install/cluster-operator/{name}.yaml" for name in STRIMZI],
    ),
    "kedacore/keda": ("v2.20.2", [f"config/crd/bases/keda.sh_{name}.yaml" for name in ("scaledobjects", "triggerauthentications")]),
    "prometheus-operator/prometheus-operator": (
        "v0.93.0",
        [f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml" for name in ("servicemonitors", "prometheusrules")],
    ),
    "kubernetes-sigs/jobset": ("v0.12.0", ["config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml"]),
}  # fmt: skip
"""Repository -> release, and the CRDs in it. All four are under the Apache License 2.0."""


def strict(schema: Any) -> Any:
    """A schema without descriptions that refuses fields it does not name."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name != "description" and not name.startswith("x-kubernetes-")}
    for name in ("properties", "patternProperties"):
        if name in kept:
            kept[name] = {key: strict(value) for key, value in kept[name].items()}
    for name in ("items", "additionalProperties", "anyOf", "oneOf", "allOf", "not"):
        if name in kept:
            kept[name] = strict(kept[name])
    if schema.get("x-kubernetes-int-or-string"):
        kept = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    if "properties" in kept and "additionalProperties" not in kept and not schema.get("x-kubernetes-preserve-unknown-fields"):
        kept["additionalProperties"] = False
    return kept


def schemas_of(crd: dict[str, Any]) -> dict[str, Any]:
    """File name -> schema, one for each version that is served."""
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    found = {}
    for version in (one for one in crd["spec"]["versions"] if one["served"]):
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"].pop("status", None)
        schema["properties"] |= {
            "apiVersion": {"const": f"{group}/{version['name']}"},
            "kind": {"const": kind},
            "metadata": {"type": "object"},
        }
        schema["required"] = sorted({*schema.get("required", []), "apiVersion", "kind", "metadata"})
        found[f"{kind.lower()}_{group}_{version['name']}.json"] = schema
    return found


def main() -> None:
    """Write every schema."""
    clones = Path(sys.argv[1])
    for repository, (release, paths) in SOURCES.items():
        for path in paths:
            shown = subprocess.run(["git", "show", f"{release}:{path}"], cwd=clones / repository, check=True, capture_output=True).stdout
            for name, schema in schemas_of(yaml.safe_load(shown)).items():
                (TARGET / name).write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
