"""A vendor over real HTTP that outlives the processes that are killed, and remembers everything."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 1.5  # of the client
FAULTS = (
    *("lost answer", "timeout after acceptance", "500 after acceptance", "malformed body"),
    *("429", "partial"),
)


@dataclass
class Memory:
    """What the vendor has; `takings` are rows that had an effect, as often as they had one."""

    members: dict[str, dict[str, Any]] = field(default_factory=dict)  # by e-mail
    takings: list[tuple[str, str, str]] = field(default_factory=list)  # operation, row key, body
    keys: set[str] = field(default_factory=set)  # idempotency keys seen
    lists: dict[str, list[str]] = field(default_factory=dict)  # e-mails by list
    lists_made: int = 0
    requests: int = 0  # those that carried rows
    honours_keys: bool = False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that dies in mid-request is what this vendor is for."""


class Vendor:
    """Serves one memory at a time on a port of its own."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.faults: list[str | None] = []  # one for each of the next requests that carry rows
        self._lock = threading.Lock()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:  # the client died between its head and its body
                    self.close_connection = True
                    return
                rows = json.loads(body or "[]")
                key = self.headers.get("Idempotency-Key", "")
                with vendor._lock:
                    fault = vendor.faults.pop(0) if rows and vendor.faults else None
                    if fault == "429":
                        answer = {}
                    elif fault == "partial":
                        answer = vendor.take(self.command, self.path, rows[1:], key + "/partial")
                        answer["refused"] = [rows[0]["key"]]
                    else:
                        answer = vendor.take(self.command, self.path, rows, key)
                self.give(fault, json.dumps(answer).encode())

            def give(self, fault: str | None, body: bytes) -> None:
                if fault == "lost answer":
                    self.close_connection = True
                    return
                if fault == "timeout after acceptance":
                    time.sleep(2 * PATIENCE_S)
                if fault == "malformed body":
                    body = b"<html>come back later"
                self.send_response({"429": 429, "500 after acceptance": 500}.get(fault, 200))
                if fault == "429":
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *_: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def remember(self, memory: Memory) -> None:
        """Start from a copy of this memory."""
        with self._lock:
            self.memory = deepcopy(memory)

    def take(self, method: str, path: str, rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
        """One request; the last part of the path is an operation, or a list."""
        memory, name = self.memory, path.split("/")[-1]
        if "/lists/" in path:
            return self._take_list(method, name, rows)
        if method == "GET":  # a job; its rows were taken at once
            return {"running": False}
        memory.requests += 1
        if memory.honours_keys and key in memory.keys:
            return {"refused": [], "job": key}
        memory.keys.add(key)
        for row in rows:
            email = row["identifiers"]["EMAIL"]
            memory.takings.append((name, row["key"], json.dumps(row, sort_keys=True)))
            if name == "remove":
                memory.members.pop(email, None)
            else:
                memory.members[email] = row["columns"]
        return {"refused": [], "job": key}

    def _take_list(self, method: str, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        memory = self.memory
        if method == "DELETE":
            memory.lists.pop(name, None)
        if method == "POST":
            memory.requests += 1
            if not name:
                memory.lists_made += 1
                name = f"L{memory.lists_made}"
            memory.lists.setdefault(name, []).extend(r["identifiers"]["EMAIL"] for r in rows)
        return {"list": name}

    @contextmanager
    def running(self) -> Iterator["Vendor"]:
        """Serve from a thread while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
