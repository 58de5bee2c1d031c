"""Files on a real SFTP server: whole once named, and only where its key is the expected one."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import asyncssh
import httpx
import pytest

from activations.destinations import destinations
from activations.destinations.base import Fatal, Operation, Secret, State, Target
from activations.sftp_transport import SftpTransport
from activations.sink import SECRETS
from tests.destinations.examples import rows_for, target_for

SFTP = destinations()["csv_sftp"]


class Server(asyncssh.SSHServer):
    """Knows one login."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (SECRETS["SFTP_USER"], SECRETS["SFTP_PASSWORD"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Target]]:
    """The server's folder, and the target that leads there."""
    folder = tmp_path_factory.mktemp("sftp")
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        asyncssh.create_server(
            Server,
            "127.0.0.1",
            0,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
        )
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    options = {
        **target_for("csv_sftp", "").options,
        "server": f"sftp://127.0.0.1:{server.get_port()}",
        "host_key": key.export_public_key().decode().strip(),
    }
    yield folder, replace(target_for("csv_sftp", ""), options=options)
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def put(target: Target, count: int = 2) -> list:
    rows = rows_for("csv_sftp", Operation.ADD, count)
    request = SFTP.build(Operation.ADD, rows, target)
    with httpx.Client(mounts={"sftp://": SftpTransport()}) as client:
        return list(SFTP.parse(rows, client.send(request)))


def test_a_file_arrives_whole_with_its_manifest_and_replaces_itself(served) -> None:
    folder, target = served
    for _ in range(2):
        assert {outcome.state for outcome in put(target)} == {State.ACKED}
    manifest, file = sorted((folder / "winback").iterdir(), key=lambda path: path.suffix)[::-1]
    told = json.loads(manifest.read_text())
    assert told["rows"] == 2
    assert told["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert "taro.yamada1@mail.example" in file.read_text()


def test_a_server_with_another_key_gets_neither_the_password_nor_the_file(served) -> None:
    _, target = served
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(Fatal, match="403"):
        put(replace(target, options={**target.options, "host_key": other}))


def test_a_wrong_password_stops_the_sync(served) -> None:
    _, target = served
    wrong = {**target.secrets, "SFTP_PASSWORD": Secret("wrong")}
    with pytest.raises(Fatal, match="403"):
        put(replace(target, secrets=wrong))


def test_a_server_that_is_down_was_told_nothing(served) -> None:
    _, target = served
    with pytest.raises(httpx.ConnectError):
        put(replace(target, options={**target.options, "server": "sftp://127.0.0.1:1"}))
