"""The secrets of an installation: each role its own, nothing twice, and certificates that a client takes."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import threading

import pytest
from click.testing import CliRunner

from cli.main import pelton
from schemas.errors import ConfigError
from schemas.roles import RIGHTS, Role
from streams.kafka.installation import make_installation
from streams.kafka.keys import SigningKey, load_allowed


def test_each_role_gets_a_password_of_its_own_and_a_key_that_is_allowed_for_it_where_it_writes(tmp_path):
    made = make_installation(tmp_path / "secrets", ["kafka"], ["grafana"], 30)
    folder = tmp_path / "secrets"
    passwords = [(folder / f"{name}.password").read_text() for name in [*(role.value for role in Role), "grafana"]]
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) >= 32
    allowed = load_allowed(folder / "allowed-keys.json")
    writers = {role for role in Role if RIGHTS[role].writes}
    assert {name: key.roles for name, key in allowed.items()} == {role.value: frozenset({role}) for role in writers}
    for role in writers:
        signature = SigningKey.load(folder / f"{role.value}.key.json").sign(b"x")
        assert [name for name, key in allowed.items() if key.signed(b"x", signature)] == [role.value]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in made} == {0o444}


def test_what_is_there_is_kept_and_what_is_missing_is_added(tmp_path):
    make_installation(tmp_path, ["kafka"], [], 30)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "trainer.password").unlink()
    assert make_installation(tmp_path, ["kafka"], ["grafana"], 30) == ["trainer.password", "grafana.password"]
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name not in ("trainer.password", "grafana.password")}
    assert kept == {name: content for name, content in before.items() if name != "trainer.password"}


@pytest.mark.parametrize("half", ["trainer.key.json", "ca.pem", "broker.pem"])
def test_a_half_that_is_missing_is_named_and_nothing_is_made_that_would_not_fit_the_other(tmp_path, half):
    make_installation(tmp_path, ["kafka"], [], 30)
    (tmp_path / half).unlink()
    with pytest.raises(ConfigError, match=r"trainer|ca\.pem|broker\.pem"):
        make_installation(tmp_path, ["kafka"], [], 30)
    assert not (tmp_path / half).exists()


def test_a_client_takes_the_broker_s_certificate_by_its_names_and_the_broker_the_administrator_s(tmp_path):
    make_installation(tmp_path, ["kafka", "127.0.0.1"], [], 30)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "ca.pem")
    server.load_cert_chain(tmp_path / "broker.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    client.load_cert_chain(tmp_path / "admin.pem")
    seen: list[object] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(3):
            connection, _ = listener.accept()
            with connection:
                try:
                    with server.wrap_socket(connection, server_side=True) as spoken:
                        seen.append(spoken.getpeercert()["subject"])
                except ssl.SSLError as error:
                    seen.append(error.reason)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        for name in ("kafka", "127.0.0.1"):
            with socket.create_connection(listener.getsockname()) as plain, client.wrap_socket(plain, server_hostname=name) as spoken:
                spoken.recv(1)
        with (
            socket.create_connection(listener.getsockname()) as plain,
            pytest.raises(ssl.SSLCertVerificationError, match=r"doesn.t match|not valid for"),
        ):
            client.wrap_socket(plain, server_hostname="elsewhere")
        thread.join()
    assert seen[:2] == [((("commonName", "admin"),),)] * 2


def test_the_command_says_what_it_made_and_no_secret(tmp_path):
    done = CliRunner().invoke(pelton, ["keys", "all", str(tmp_path / "s"), "--also", "grafana"])
    assert done.exit_code == 0, done.output
    assert "grafana.password" in done.output
    secrets = [(tmp_path / "s" / "trainer.password").read_text(), json.loads((tmp_path / "s" / "trainer.key.json").read_text())["d"]]
    assert [secret for secret in secrets if secret in done.output] == []
    assert "everything is there" in CliRunner().invoke(pelton, ["keys", "all", str(tmp_path / "s"), "--also", "grafana"]).output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--passwords", "x"], "--passwords has an effect with --apply alone"),
        (["--apply", "--json"], "--apply prints nothing"),
        (["--apply", "--quota", "5"], "--apply prints nothing"),
    ],
)
def test_acls_that_are_applied_are_not_printed_too(words, named):
    done = CliRunner().invoke(pelton, ["acls", *words])
    assert done.exit_code == 2
    assert named in done.output


def test_a_password_that_is_missing_is_named_before_the_broker_is_asked(tmp_path):
    done = CliRunner().invoke(pelton, ["acls", "--apply", "--passwords", str(tmp_path), "--bootstrap-servers", "127.0.0.1:1"])
    assert isinstance(done.exception, ConfigError)
    assert "producer.password" in str(done.exception)
