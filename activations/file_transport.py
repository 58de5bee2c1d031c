"""PUT to file:// as an HTTP transport, so that files are delivered like requests to any vendor."""

import json
import os
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import httpx


class FileTransport(httpx.BaseTransport):
    """Writes below one folder: first under a temporary name, with a manifest, then renamed.

    Mount it: httpx.Client(mounts={"file://": FileTransport(folder)}).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """201 with the manifest; 403 where it may not write, 507 where it cannot."""
        path = (self._folder / unquote(request.url.path).lstrip("/")).resolve()
        if request.method != "PUT" or not path.is_relative_to(self._folder):
            return httpx.Response(403, request=request)
        content, manifest = request.read(), manifest_of(request)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path.with_name(f"{path.name}.manifest.json"), json.dumps(manifest).encode())
            _replace(path, content)
        except PermissionError:
            return httpx.Response(403, request=request)
        except OSError:
            return httpx.Response(507, request=request)
        return httpx.Response(201, json=manifest, request=request)


def manifest_of(request: httpx.Request) -> dict[str, str | int]:
    """What stands beside a file: by it, readers know that they have all of it."""
    content = request.read()
    return {
        "file": unquote(request.url.path).rpartition("/")[2],
        "rows": int(request.headers["X-Rows"]),
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
    }


def _replace(path: Path, content: bytes) -> None:
    """Readers see the whole file or none, even after a power cut."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
