"""One writer per sync: a lease in the warehouse that its holder keeps renewing."""

import os
import socket
from datetime import timedelta
from uuid import uuid4

from activations.context import Clock
from activations.warehouse import Warehouse

LIFETIME = timedelta(minutes=10)


class SyncBusy(RuntimeError):
    """Another process is at work on this sync."""


class Lease:
    """The right to write one sync; renewed with every group of outcomes."""

    def __init__(self, sync: str) -> None:
        self.sync = sync
        self.is_held = False
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex}"

    def acquire(self, transaction: Warehouse, clock: Clock) -> None:
        """Take the lease, or SyncBusy while a living process holds it."""
        now = clock.now()
        held = transaction.rows(
            "select holder, expires_at from activation.lease where sync = ?", [self.sync]
        )
        if held and held[0]["expires_at"] > now and _may_be_alive(held[0]["holder"]):
            raise SyncBusy(
                f"sync {self.sync}: another process is sending it; its lease ends at "
                f"{held[0]['expires_at']:%H:%M:%S} UTC unless it is renewed"
            )
        transaction.execute("delete from activation.lease where sync = ?", [self.sync])
        transaction.execute(
            "insert into activation.lease (sync, holder, acquired_at, expires_at) "
            "values (?, ?, ?, ?)",
            [self.sync, self._holder, now, now + LIFETIME],
        )
        self.is_held = True

    def renew(self, transaction: Warehouse, clock: Clock) -> None:
        """Keep the lease; SyncBusy if it ran out and somebody else took it."""
        holder = transaction.value(
            "select holder from activation.lease where sync = ?", [self.sync]
        )
        if holder != self._holder:
            raise SyncBusy(f"sync {self.sync}: another process has taken over")
        transaction.execute(
            "update activation.lease set expires_at = ? where sync = ?",
            [clock.now() + LIFETIME, self.sync],
        )

    def release(self, transaction: Warehouse) -> None:
        """Let the next writer in at once."""
        transaction.execute(
            "delete from activation.lease where sync = ? and holder = ?", [self.sync, self._holder]
        )
        self.is_held = False


def _may_be_alive(holder: str) -> bool:
    """Whether a holder can still be at work; on this machine we know when a process is gone."""
    host, process, _ = holder.split("/")
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
