"""What arrived, counted per destination."""

from typing import Any

from activations.sink.store import Store
from activations.sink.vendors import vendors


def state(store: Store) -> dict[str, dict[str, Any]]:
    """Per destination: requests (and how many of them refused), accepted rows, lists, messages."""
    counts: dict[str, dict[str, Any]] = {
        name: {"requests": 0, "refused": 0, "rows": 0, "lists": {}, "messages": 0}
        for name in vendors()
    }
    counts["sendgrid_contacts"]["contacts"] = _count(store, "contact")
    counts["csv_file"]["files"] = _count(store, "file")
    for row in store.rows(
        "select destination, count(*) as requests,"
        " sum(case when status >= 400 then 1 else 0 end) as refused,"
        " sum(case when status < 300 then rows else 0 end) as rows"
        " from request group by destination"
    ):
        counts[row.pop("destination")] |= row
    for row in store.rows("select destination, count(*) as n from message group by destination"):
        counts[row["destination"]]["messages"] = row["n"]
    for row in store.rows("select destination, list, count(*) as n from member group by 1, 2"):
        counts[row["destination"]]["lists"][row["list"]] = row["n"]
    return counts


def _count(store: Store, table: str) -> int:
    return store.rows(f"select count(*) as n from {table}")[0]["n"]
