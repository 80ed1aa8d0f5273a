"""What is deployed is checked against schemas and code, and a misspelt word of a manifest is found."""

from __future__ import annotations

import copy
import http.client
from typing import Any

import pytest
import yaml

from scripts import kubernetes
from scripts.deploy_check.__main__ import compose_file_faults, manifest_faults
from scripts.deploy_check.containers import PATHS, container_faults, containers_of, secret_faults, services_of, target_faults
from scripts.deploy_check.documents import BASE, COMPOSE, OVERLAYS, NoToolError, composed, kustomized
from scripts.deploy_check.formats import compose_faults, format_faults, reference_faults
from streams.metrics.server import start_metrics


def manifests(folder: Any) -> list[dict[str, Any]]:
    try:
        return kustomized(folder)
    except NoToolError as error:
        pytest.skip(f"needs {error}")


@pytest.fixture(scope="module")
def base() -> list[dict[str, Any]]:
    return manifests(BASE)


@pytest.mark.parametrize("folder", OVERLAYS, ids=lambda folder: folder.name)
def test_the_manifests_are_right_by_their_schemas_and_by_the_code(folder):
    documents = manifests(folder)
    assert manifest_faults(documents) == []
    kinds = {document["kind"] for document in documents}
    assert {"Kafka", "KafkaTopic", "KafkaUser", "Deployment", "ScaledObject", "NetworkPolicy", "ServiceMonitor", "PrometheusRule"} <= kinds


def test_the_trainer_is_scaled_by_nobody_and_every_worker_by_lag(base):
    scaled = {document["spec"]["scaleTargetRef"]["name"]: document for document in base if document["kind"] == "ScaledObject"}
    assert set(scaled) == {"curriculum", "augmenter", "feedback"}
    for document in scaled.values():
        (trigger,) = document["spec"]["triggers"]
        assert int(trigger["metadata"]["activationLagThreshold"]) > 0
        assert document["spec"]["maxReplicaCount"] == kubernetes.PARTITIONS, "more would have no partition"


def test_topics_users_and_alerts_are_those_of_the_code():
    assert [name for name in kubernetes.FILES if not kubernetes.is_current(name)] == []


def misspelt(documents: list[dict[str, Any]], kind: str, name: str, old: str, new: str) -> list[str]:
    """The faults once a word of one manifest is another one."""
    changed = copy.deepcopy(documents)
    (at,) = [number for number, one in enumerate(changed) if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    text = yaml.safe_dump(changed[at], sort_keys=False)
    assert old in text, "the case is of a word that is there"
    changed[at] = yaml.safe_load(text.replace(old, new, 1))
    maps = [one for one in changed if one["kind"] == "ConfigMap"]
    faults = [*format_faults(changed[at]), *reference_faults(changed)]
    return faults + [fault for container in containers_of([changed[at], *maps]) for fault in container_faults(container)]


@pytest.mark.parametrize(
    ("kind", "name", "old", "new", "said"),
    [
        ("Deployment", "curriculum", "apps/v1", "apps/v2", "apiVersion 'apps/v2'"),
        ("Deployment", "curriculum", "apps/v1", "aps/v1", "apiVersion 'aps/v1'"),
        ("Deployment", "curriculum", "kind: Deployment", "kind: Deploymnt", "cannot be checked"),
        ("Deployment", "curriculum", "readinessProbe", "readynessProbe", "readynessProbe"),
        ("Deployment", "curriculum", "--metrics-port", "--metrics-prot", "No such option: --metrics-prot"),
        ("Deployment", "curriculum", "- '9710'", "- '9711'", "a curriculum's port is 9710"),
        ("Deployment", "curriculum", "path: /readyz", "path: /ready", "a probe asks for /ready"),
        ("Deployment", "curriculum", "KAFKA_SASL_USERNAME", "KAFKA_SASL_USER", "no setting is called KAFKA_SASL_USER"),
        ("Deployment", "curriculum", "mountPath: /run/pelton/user", "mountPath: /run/pelton/usr", "nothing is mounted there"),
        ("Deployment", "curriculum", "secretName: sign-curriculum", "secretName: sing", "nobody makes the Secret 'sing'"),
        ("Deployment", "feedback", "- feedback", "- fedback", "there is no command 'fedback'"),
        ("StatefulSet", "trainer", "terminationGracePeriodSeconds: 240", "terminationGracePeriodSeconds: 30", "killed after 30 s"),
        ("StatefulSet", "trainer", "PELTON_TRAIN_GRACE_S", "PELTON_TRAIN_GRACE", "no setting is called PELTON_TRAIN_GRACE"),
        ("KafkaTopic", "pelton.samples", "partitions:", "partition:", "'partition' was unexpected"),
        ("KafkaTopic", "pelton.samples", "kafka.strimzi.io/v1", "kafka.strimzi.io/v9", "nobody here knows"),
        ("ScaledObject", "feedback", "minReplicaCount", "minReplicas", "'minReplicas' was unexpected"),
        ("Kafka", "pelton", "scram-sha-512", "scram-sha-5120", "is not one of"),
        ("KafkaUser", "trainer", "- Write", "- Wirte", "is not one of"),
        ("ServiceMonitor", "pelton", "interval: 15s", "interval: 15 s", "does not match"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_misspelt_word_of_a_manifest_is_found(base, kind, name, old, new, said):
    assert said in "\n".join(misspelt(base, kind, name, old, new))


def test_the_compose_file_is_right():
    assert compose_file_faults() == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("read_only: true", "readonly: true", "'readonly' does not match"),
        ("[topics, create]", "[topics, crate]", "there is no command 'crate'"),
        ("--state-dir, /var/lib/pelton/curriculum", "--statedir, /var/lib/pelton/curriculum", "No such option"),
        ("127.0.0.1:9720/readyz", "127.0.0.1:9721/readyz", "a probe asks port 9721"),
        ("PELTON_SIGN_KEY: /run/secrets/trainer.key.json", "PELTON_SIGN_KEY: /run/secrets/operator.key.json", "nothing is mounted there"),
        ("SASL_SSL\n", "SASL_TLS\n", "security_protocol"),
        ("stop_grace_period: 180s", "stop_grace_period: 60s", "killed after 60 s"),
        ("augmenter.key.json]", "augmenter.key.jsn]", "secret augmenter.key.jsn is not declared"),
    ],
)
def test_a_misspelt_word_of_the_compose_file_is_found(old, new, said):
    text = COMPOSE.read_text()
    assert old in text
    changed = composed(text.replace(old, new, 1))
    faults = [*compose_faults(changed), *secret_faults(changed)]
    faults += [fault for container in services_of(changed) for fault in container_faults(container)]
    assert said in "\n".join(faults)


def test_a_target_of_prometheus_that_is_no_service_or_has_another_kind_s_port_is_found():
    targets = [{"targets": ["augmentr:9720"], "labels": {"kind": "augmenter"}}, {"targets": ["lag:9710"], "labels": {"kind": "lag"}}]
    said = "\n".join(target_faults(targets, {"services": {"lag": {}, "augmenter": {}}}))
    assert "there is no augmentr" in said
    assert "the port of lag is 9750" in said
    assert "Prometheus scrapes no trainer" in said


def test_the_paths_that_probes_may_ask_for_are_those_that_a_node_serves():
    with start_metrics("lag", 0) as server:
        assert {path: status_of(server.port, path) for path in (*PATHS, "/ready")} == {**dict.fromkeys(PATHS, 200), "/ready": 404}


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status
