"""Plain sentences: why somebody is, or is not, in a segment or at a destination."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from activations.context import Context, ledger_instance
from activations.explain import last_run, standing
from activations.spec import SyncSpec
from orchestration.dbt_manifest import manifest
from orchestration.warehouse import DuckDBWarehouse

_NEVER = datetime(9999, 1, 1)
_LONGEST_RULE = 300  # characters; a longer one is read in its file


def segment_names() -> list[str]:
    """The declared segments; a parametrised file stands for several of them."""
    return sorted(
        node["name"].removeprefix("segment__")
        for node in manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["name"].startswith("segment__")
    )


def segment_of(model: Mapping[str, Any]) -> str | None:
    """The one segment whose members a sync's model holds, by its parents or its macro's words."""
    parents = {unique_id.split(".")[-1] for unique_id in model["depends_on"]["nodes"]}
    named = [
        name
        for name in segment_names()
        if f"segment__{name}" in parents or f"'{name}'" in model["raw_code"]
    ]
    return named[0] if len(named) == 1 else None


def why_in_segment(
    warehouse: DuckDBWarehouse, segment: str, customer_id: str, at: datetime | None
) -> str:
    """Whether somebody is, or was, in a segment, since when, and what its rule looks at."""
    moment = at or _NEVER
    intervals = warehouse.rows(
        """
        select membership.valid_from, membership.valid_to, came.what_changed
        from segments.segment_membership as membership
        left join marts.score_history as came
            on membership.customer_id = came.customer_id
            and membership.valid_from = came.valid_from
        where segment = ? and membership.customer_id = ? and membership.valid_from <= ?
        order by membership.valid_from desc
        """,
        [segment, customer_id, moment],
    )
    last = intervals[0] if intervals else None
    if last and (last["valid_to"] is None or last["valid_to"] > moment):
        cause = f" ({last['what_changed']})" if last["what_changed"] else ""
        said = f"in segment {segment} since {_time(last['valid_from'])}{cause}"
    elif last:
        said = f"not in segment {segment}: left it at {_time(last['valid_to'])}"
    else:
        said = f"not in segment {segment}, and never was"
    return said if at else ": ".join([said, *_rule(warehouse, segment, customer_id)])


def _rule(warehouse: DuckDBWarehouse, segment: str, customer_id: str) -> list[str]:
    """The condition of a segment as it is written, and what it finds for one customer now."""
    node = manifest()["nodes"].get(f"model.enishi.segment__{segment}")
    if node is None:
        return []
    rule = " ".join(re.sub(r"\{#.*?#\}", "", node["raw_code"], flags=re.S).split())
    rule = re.sub(r"\{\{ var\('\w+', ([^)]+)\) \}\}", r"\1", rule)
    found = [
        *_scores(warehouse, rule, customer_id),
        *_events(warehouse, rule, customer_id),
    ]
    _, _, condition = rule.partition(" where ")
    is_short = condition and len(rule) <= _LONGEST_RULE
    said = [f"the rule is {condition if is_short else node['original_file_path']}"]
    return [*said, f"here {', '.join(found)}"] if found else said


def _scores(warehouse: DuckDBWarehouse, rule: str, customer_id: str) -> list[str]:
    rows = warehouse.rows(
        "select * from marts.customer_scores where customer_id = ?", [customer_id]
    )
    scores = rows[0] if rows else {}
    return [
        f"{name} is {_value(value)}"
        for name, value in scores.items()
        if name != "customer_id" and re.search(rf"\b{name}\b", rule)
    ]


def _events(warehouse: DuckDBWarehouse, rule: str, customer_id: str) -> list[str]:
    """The kinds of event that the vocabulary (performed, last_performed) asks for."""
    found = []
    for event in dict.fromkeys(re.findall(r"performed\('(\w+)'", rule)):
        (row,) = warehouse.rows(
            "select count(*) as n, max(occurred_at) as last from marts.customer_events "
            "where customer_id = ? and event = ?",
            [customer_id, event],
        )
        last = f", the last at {_time(row['last'])}" if row["last"] else ""
        found.append(f"{row['n']} events {event}{last}")
    return found


def why_at_destination(
    warehouse: DuckDBWarehouse,
    spec: SyncSpec,
    context: Context,
    customer_ids: Sequence[str],
    at: datetime | None,
) -> str:
    """Whether a sync has brought somebody to its destination, and if not, what came between."""
    instance = ledger_instance(spec, context.target(spec))
    known = [
        row
        for row in standing(warehouse, customer_ids, spec.name, at)
        if row["instance"] == instance
    ]
    there = next((row for row in known if row["is_there"]), None)
    if there:
        verb = "sent" if spec.sync_class == "message" else "there"
        if not there["was_sent"] and there["reason"]:
            return f"{spec.name}: {there['reason']}"
        return f"{spec.name}: {verb} since {_time(there['confirmed_at'])} ({there['why']})"
    said = [_last_try(known[0])] if known else []
    is_open = bool(known) and known[0]["state"] != "acked"
    if at is None and not is_open:
        said.append(_missing(warehouse, spec, instance, customer_ids[0]))
    return f"{spec.name}: not there: {'; '.join(said) or 'never planned until then'}"


def _last_try(row: Mapping[str, Any]) -> str:
    if row["state"] == "acked" and row["confirmed_operation"] == "remove":
        return f"taken out at {_time(row['confirmed_at'])} ({row['why']})"
    reason = f" ({row['reason']})" if row["reason"] else ""
    when = _time(row["finished_at"] or row["last_planned_at"])
    return f"{row['state']}{reason} at {when}"


def _missing(warehouse: DuckDBWarehouse, spec: SyncSpec, instance: str, customer_id: str) -> str:
    """What keeps a customer out whom the ledger does not know: segment, consent, or the run."""
    if "customer_id" in spec.columns and warehouse.value(
        f"select count(*) from {spec.relation} where customer_id = ?", [customer_id]
    ):
        run = last_run(warehouse, spec.name, instance)
        if run and run["status"] == "stopped":
            return f"wanted, but the last run was stopped: {run['problem']}"
        return "wanted, and goes with the next run"
    if spec.segment:
        said = why_in_segment(warehouse, spec.segment, customer_id, None)
        if said.startswith("not in"):
            return said
    return _contact(warehouse, spec, customer_id)


def _contact(warehouse: DuckDBWarehouse, spec: SyncSpec, customer_id: str) -> str:
    """Why nobody may be reached for the sync's purpose, channel by channel."""
    if spec.consent_purpose is None:
        return f"the model {spec.relation} does not have this customer"
    points = warehouse.rows(
        """
        select points.channel, points.is_reachable, points.unreachable_reason, consents.state,
            consents.since_at
        from marts.contact_points as points
        left join marts.consents as consents
            on points.contact_point = consents.contact_point
            and points.channel = consents.channel and consents.purpose = ?
        where points.customer_id = ?
        order by points.channel
        """,
        [spec.consent_purpose, customer_id],
    )
    said = [
        f"{row['channel']} {row['state'] or 'no consent on record'}"
        + (f" since {_time(row['since_at'])}" if row["since_at"] else "")
        + ("" if row["is_reachable"] else f", unreachable ({row['unreachable_reason']})")
        for row in points
    ]
    listed = "; ".join(dict.fromkeys(said)) or "no contact point"
    return f"the model does not have this customer; consent to {spec.consent_purpose}: {listed}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _value(value: Any) -> str:
    return "unknown" if value is None else str(value)
