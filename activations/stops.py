"""The kill switch: a row in the warehouse that stops one sync, or all, between two batches."""

from datetime import datetime

from activations.warehouse import Warehouse

EVERYTHING = "*"


def stop(warehouse: Warehouse, sync: str, why: str, now: datetime) -> None:
    """Stop a sync, or EVERYTHING; what was planned stays planned. The last reason counts."""
    with warehouse.transaction() as transaction:
        transaction.execute("delete from activation.stop where sync = ?", [sync])
        transaction.execute("insert into activation.stop values (?, ?, ?)", [sync, why, now])


def resume(warehouse: Warehouse, sync: str) -> None:
    """Let a sync go on; EVERYTHING ends all stops."""
    warehouse.execute(
        "delete from activation.stop where sync = ? or ? = ?", [sync, sync, EVERYTHING]
    )


def stopped_because(warehouse: Warehouse, sync: str) -> str | None:
    """Why a sync must not send now; None where it may."""
    why = warehouse.value(
        "select why from activation.stop where sync in (?, ?) order by sync limit 1",
        [EVERYTHING, sync],
    )
    return None if why is None else f"stopped: {why} (enishi resume)"
