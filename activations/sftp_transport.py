"""PUT to sftp:// as an HTTP transport, so that files are delivered like requests to any vendor."""

import asyncio
import json
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from activations.file_transport import manifest_of

if TYPE_CHECKING:
    from asyncssh import SFTPClient

_TIMEOUT_S = 30.0


class SftpTransport(httpx.BaseTransport):
    """A login for each file; a server with another key than X-Host-Key is not talked to."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """201 with the manifest; 403 where it may not log in or write, 507 where it cannot."""
        if request.method != "PUT":
            return httpx.Response(403, request=request)
        return asyncio.run(_put(request))


async def _put(request: httpx.Request) -> httpx.Response:
    import asyncssh  # takes longer than most runs, and few send files

    login = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
    user, _, password = login.partition(":")
    try:
        host_key = asyncssh.import_public_key(request.headers["X-Host-Key"])
        connection = await asyncssh.connect(
            request.url.host,
            request.url.port or 22,
            username=user,
            password=password,
            known_hosts=([host_key], [], []),
            client_keys=None,
            agent_path=None,
            config=None,
            connect_timeout=_TIMEOUT_S,
            login_timeout=_TIMEOUT_S,
        )
    except (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable, asyncssh.KeyImportError):
        return httpx.Response(403, request=request)
    except (OSError, asyncssh.Error) as error:
        raise httpx.ConnectError(type(error).__name__, request=request) from None
    manifest = manifest_of(request)
    folder, _, name = unquote(request.url.path).lstrip("/").rpartition("/")
    try:
        async with connection, connection.start_sftp_client() as client:
            if folder:
                await client.makedirs(folder, exist_ok=True)
            await _replace(client, folder, f"{name}.manifest.json", json.dumps(manifest).encode())
            await _replace(client, folder, name, request.content)
    except asyncssh.SFTPPermissionDenied:
        return httpx.Response(403, request=request)
    except asyncssh.SFTPError:
        return httpx.Response(507, request=request)
    except (OSError, asyncssh.Error) as error:
        raise httpx.ReadError(type(error).__name__, request=request) from None
    return httpx.Response(201, json=manifest, request=request)


async def _replace(client: "SFTPClient", folder: str, name: str, content: bytes) -> None:
    """Readers see the whole file or none."""
    where = f"{folder}/" if folder else ""
    temporary = f"{where}.{name}.tmp"
    async with client.open(temporary, "wb") as file:
        await file.write(content)
    await client.posix_rename(temporary, f"{where}{name}")
