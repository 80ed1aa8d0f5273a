"""What containers are told, against what the code has: flags, variables, ports, probes, and the files that variables name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from cli.main import pelton
from scripts.deploy_check.formats import pods
from streams.app import STOP_SECONDS
from streams.kafka.settings import ENVIRONMENT, KafkaSettings
from streams.metrics.server import PORTS
from trainer_node.config import VARIABLE_PREFIX, TrainConfig

PATHS = ("/metrics", "/healthz", "/readyz")
"""What a node serves (`streams.metrics.server`; a test asks a real one)."""
CHECKPOINT_SECONDS = 60.0
"""What a stop is given for its checkpoint, beside the grace in which it ends its step."""
OTHERS = {
    "PELTON_CACHE",
    "PELTON_LOG_FORMAT",
    "PELTON_ONTOLOGY",
    "HF_HOME",
    "HF_TOKEN",
    "TRITON_CACHE_DIR",
    "TORCHINDUCTOR_CACHE_DIR",
    "WANDB_API_KEY",
}
"""Variables that are no settings, and have an effect."""
LAUNCHERS = ("torchrun",)


@dataclass
class Container:
    """One container of ours, as a manifest or a compose file tells it."""

    where: str
    words: list[str]
    """Of `pelton`'s command line."""
    environ: dict[str, str]
    mounts: list[str]
    """Folders and files that are mounted."""
    probes: list[tuple[str, int]] = field(default_factory=list)
    """Path and port of each."""
    ports: list[int] = field(default_factory=list)
    grace_s: float | None = None


def container_faults(container: Container) -> list[str]:
    """What the code does not have, a line each."""
    faults = [*_command_faults(container), *_environment_faults(container), *_port_faults(container), *_grace_faults(container)]
    return [f"{container.where}: {fault}" for fault in faults]


def _command_faults(container: Container) -> Iterator[str]:
    if not container.words:
        return  # what it does is typed behind `docker compose run`
    try:
        parsed(container.words)
    except click.ClickException as error:
        yield f"pelton {' '.join(container.words)}: {error.format_message()}"


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """Name of the command, and its options as they are given.

    Raises:
        click.ClickException: there is no such command or option, or it does not take this value.
    """
    command: click.Command = pelton
    rest = list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0) if rest else ""
        found = command.get_command(click.Context(command), name)
        if found is None:
            raise click.UsageError(f"there is no command {name!r}")
        command = found
    context = click.Context(command)
    options, left, _ = command.make_parser(context).parse_args(rest)
    by_name = {param.name: param for param in command.params}
    if left and not any(isinstance(param, click.Argument) for param in command.params):
        raise click.UsageError(f"unexpected {left[0]!r}")
    for name, value in options.items():
        param = by_name[name]
        if isinstance(param, click.Option) and not isinstance(param.type, (click.Path, click.File)) and value is not None:
            param.type_cast_value(context, value)
    return command.name or "", {param.name or "": options.get(param.name or "", param.get_default(context)) for param in command.params}


def _environment_faults(container: Container) -> Iterator[str]:
    settings = {*ENVIRONMENT.values(), *(f"{VARIABLE_PREFIX}{name.upper()}" for name in TrainConfig.model_fields)}
    known = settings | {f"{name}_FILE" for name in settings} | OTHERS
    yield from (f"no setting is called {name}" for name in sorted(container.environ.keys() - known))
    files = {ENVIRONMENT[name] for name in ("allowed_keys", "sign_key", "ssl_cafile", "ssl_certfile", "ssl_keyfile")}
    for name, value in container.environ.items():
        if (name in files or name.endswith("_FILE")) and not any(
            value == path or value.startswith(f"{path}/") for path in container.mounts
        ):
            yield f"{name}={value}, and nothing is mounted there"
    given = {field: container.environ[variable] for field, variable in ENVIRONMENT.items() if variable in container.environ}
    given = {field: value for field, value in given.items() if ENVIRONMENT[field] not in files}
    given |= {"allowed_keys": __file__} if ENVIRONMENT["allowed_keys"] in container.environ else {}
    given |= {"sasl_password": "x"} if f"{ENVIRONMENT['sasl_password']}_FILE" in container.environ else {}
    try:
        KafkaSettings.model_validate(given)
    except ValueError as error:
        yield f"its settings: {' '.join(str(error).split())}"


def _port_faults(container: Container) -> Iterator[str]:
    try:
        name, options = parsed(container.words)
    except click.ClickException:
        return  # said already
    if options.get("metrics_port") is None:
        return
    port = int(options["metrics_port"])
    kind = {"train": "trainer"}.get(name, name)
    if port != PORTS[kind]:
        yield f"--metrics-port {port}: a {kind}'s port is {PORTS[kind]}"
    if options["metrics_host"] != "0.0.0.0":
        yield "--metrics-host must be 0.0.0.0, or nobody outside of the container is served"
    for path, probed in container.probes:
        if path not in PATHS:
            yield f"a probe asks for {path}; there are {', '.join(PATHS)}"
        if probed != port:
            yield f"a probe asks port {probed}; it serves on {port}"
    if container.ports and port not in container.ports:
        yield f"it serves on {port}, which is none of its ports {container.ports}"


def _grace_faults(container: Container) -> Iterator[str]:
    if container.grace_s is None:
        return
    of_run = float(container.environ.get(f"{VARIABLE_PREFIX}GRACE_S", TrainConfig.model_fields["grace_s"].default)) + CHECKPOINT_SECONDS
    needed = of_run if container.words[:1] == ["train"] else STOP_SECONDS
    if container.grace_s < needed:
        yield f"it is killed after {container.grace_s:.0f} s, and may need {needed:.0f} s to stop"


def containers_of(documents: list[dict[str, Any]]) -> Iterator[Container]:
    """Those of Kubernetes manifests."""
    maps = {document["metadata"]["name"]: document["data"] for document in documents if document["kind"] == "ConfigMap"}
    for owner, pod in pods(documents):
        for spec in pod["containers"]:
            environ = {
                name: value for source in spec.get("envFrom", []) for name, value in maps.get(source["configMapRef"]["name"], {}).items()
            }
            environ |= {one["name"]: one.get("value", "") for one in spec.get("env", [])}
            ports = {one.get("name", ""): one["containerPort"] for one in spec.get("ports", [])}
            asked = [spec[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe") if name in spec]
            launcher = spec.get("command", ["pelton"])
            ours = [*launcher[launcher.index("cli.main") + 1 :], *spec["args"]] if launcher[0] in LAUNCHERS else spec["args"]
            yield Container(
                owner,
                ours,
                environ,
                [mount["mountPath"] for mount in spec.get("volumeMounts", [])],
                [(probe["path"], int(ports.get(probe["port"], 0) or probe["port"])) for probe in asked],
                list(ports.values()),
                float(pod["terminationGracePeriodSeconds"]),
            )


def services_of(compose: dict[str, Any]) -> Iterator[Container]:
    """Those of a compose file that run our images."""
    for name, spec in compose["services"].items():
        if not str(spec.get("image")).startswith("pelton-"):
            continue
        words = [*spec.get("entrypoint", ["pelton"])[1:], *spec.get("command", [])]
        mounts = [f"/run/secrets/{secret}" for secret in spec.get("secrets", [])]
        test = " ".join(spec.get("healthcheck", {}).get("test", []))
        probes = [(path, int(port)) for port, path in re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", test)]
        grace = spec.get("stop_grace_period") if spec.get("restart") != "no" else None
        environ = {key: str(value) for key, value in spec.get("environment", {}).items()}
        yield Container(f"compose service {name}", words, environ, mounts, probes, [], float(grace.rstrip("s")) if grace else None)


def secret_faults(compose: dict[str, Any]) -> list[str]:
    """Secrets that a service names and nobody declares, and ones that are declared and not used."""
    used = {secret for spec in compose["services"].values() for secret in spec.get("secrets", [])}
    declared = set(compose["secrets"])
    faults = [f"compose.yaml: secret {name} is not declared" for name in sorted(used - declared)]
    return faults + [f"compose.yaml: secret {name} is given to nobody" for name in sorted(declared - used)]


def target_faults(targets: list[dict[str, Any]], compose: dict[str, Any] | None) -> list[str]:
    """Of Prometheus: targets whose port is not that of their kind, or that are no service (or alias) of a compose file."""
    names = set(compose["services"]) if compose else {"127.0.0.1"}
    faults = []
    for group in targets:
        for target in group["targets"]:
            host, _, port = target.rpartition(":")
            kind = group["labels"]["kind"]
            if PORTS.get(kind) != int(port):
                faults.append(f"Prometheus target {target}: the port of {kind} is {PORTS.get(kind)}")
            if host not in names:
                faults.append(f"Prometheus target {target}: there is no {host}")
    missing = PORTS.keys() - {group["labels"]["kind"] for group in targets}
    return faults + [f"Prometheus scrapes no {kind}" for kind in sorted(missing)]
