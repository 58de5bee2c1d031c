"""What must hold after any tick, recomputed from what was stored and received, without its SQL.

Each proof returns what is wrong, in words; an empty list where it holds.
"""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from activations.sink import Store
from orchestration.warehouse import DuckDBWarehouse

SEEDS = Path(__file__).resolve().parent.parent / "seeds" / "reference"
CHANNELS = {
    "sendgrid_mail": "email",
    "twilio_sms": "sms",
    "line_push": "line",
    "fcm": "push",
    "webhook": "task",
}
DELIVERED = """
select outbox.*, run.as_of as delivered_at
from decisions.outbox
inner join activation.intent on intent.key = outbox.send_id and intent.state = 'acked'
inner join activation.run using (run_id)
"""
DECIDED = """
select outbox.*, entries.is_held_out
from decisions.outbox
inner join journeys.journey_entries as entries using (entry_id)
where outbox.decided_at = ?
"""
GATES = 16
Row = Mapping[str, Any]


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def delivered(warehouse: DuckDBWarehouse) -> list[dict[str, Any]]:
    """The messages that vendors acknowledged, with the tick in which they did."""
    return warehouse.rows(DELIVERED)


def not_received_once(warehouse: DuckDBWarehouse, sink: Store) -> list[str]:
    """Messages that the ledger has and the vendors have not, or the other way round, or twice."""
    sent = delivered(warehouse)
    ours = Counter((m["channel"], _recipient(m)) for m in sent)
    theirs = Counter(
        (CHANNELS[m["destination"]], m["recipient"])
        for m in sink.rows("select destination, recipient from message")
        if m["destination"] in CHANNELS
    )
    twice = [key for key, times in Counter(m["send_id"] for m in sent).items() if times > 1]
    differing = {key for key in ours | theirs if ours[key] != theirs[key]}
    return [f"{c}: {ours[c, r]} sent, {theirs[c, r]} received" for c, r in differing] + [
        f"{send_id} was sent twice" for send_id in twice
    ]


def _recipient(message: Row) -> str:
    if message["channel"] == "task":
        return message["send_id"]
    if message["channel"] == "sms":
        return "+81" + message["contact_point"].removeprefix("0")
    return message["contact_point"]


def over_caps(warehouse: DuckDBWarehouse) -> list[str]:
    """Customers with more messages in a window of a frequency rule than it allows."""
    of_message = {row["message"]: row for row in seed("messages")}
    by_customer = defaultdict(list)
    for message in delivered(warehouse):
        if of_message[message["message"]]["counts_toward_caps"] == "true":
            by_customer[message["customer_id"]].append(message)
    return [
        f"{rule['rule']}: {most} messages"
        for rule in seed("frequency_rules")
        for messages in by_customer.values()
        if (most := _most_in_a_window(rule, messages, of_message)) > int(rule["max_messages"])
    ]


def _most_in_a_window(rule: Row, messages: Iterable[Row], of_message: Mapping[str, Row]) -> int:
    concerned = [
        m
        for m in messages
        if rule["channel"] in ("any", m["channel"])
        and rule["tag"] in ("any", of_message[m["message"]]["tag"])
        and rule["class"] in ("any", m["class"])
    ]
    in_days = rule["window_kind"] == "calendar_days"
    unit = timedelta(days=1) if in_days else timedelta(hours=1)
    times = sorted(m["send_on"] if in_days else m["send_at"] for m in concerned)
    length = int(rule["window_length"]) * unit
    return max((sum(t <= other < t + length for other in times) for t in times), default=0)


def without_consent(warehouse: DuckDBWarehouse, as_of: datetime) -> list[str]:
    """Promotional messages of this tick to an address whose evidence, as known now, says no."""
    evidence = defaultdict(list)
    for row in warehouse.rows("select * from intermediate.int_consent_evidence"):
        evidence[row["contact_point"], row["channel"], row["purpose"]].append(row)
    says = {row["message"]: row for row in seed("messages")}
    return [
        f"{m['message']} by {m['channel']}"
        for m in delivered(warehouse)
        if (m["delivered_at"], m["class"]) == (as_of, "promotional")
        and not (
            m["evidence_ref"]
            and _agreed(
                evidence[m["contact_point"], m["channel"], says[m["message"]]["purpose"]],
                says[m["message"]]["controller_entity"],
            )
        )
    ]


def _agreed(evidence: Sequence[Row], speaker: str) -> bool:
    """An opt-in, no opt-out that is not known to be earlier, and one since then to who speaks."""
    entity = {row["name"]: row["entity"] for row in seed("controller_entities")} | {None: "self"}
    opt_ins = [row for row in evidence if row["is_opt_in"]]
    opt_outs = [row["occurred_at"] for row in evidence if not row["is_opt_in"]]
    last_in = max((row["occurred_at"] for row in opt_ins if row["occurred_at"]), default=None)
    since = [
        row
        for row in opt_ins
        if not row["occurred_at"] or all(out and row["occurred_at"] > out for out in opt_outs)
    ]
    return all(out and last_in and last_in > out for out in opt_outs) and any(
        entity.get(row["controller_entity"], row["controller_entity"]) == speaker for row in since
    )


def to_the_control_group(
    warehouse: DuckDBWarehouse, as_of: datetime, percent: int = 5
) -> list[str]:
    """Messages of this tick to a hold-out of a journey or, if promotional, to the control group."""
    shared = defaultdict(set)
    for row in warehouse.rows(
        "select channel, contact_point, customer_id from marts.contact_points"
    ):
        shared[row["channel"], row["contact_point"]].add(row["customer_id"])
    today = as_of + timedelta(hours=9)
    quarter = f"{today.year}Q{(today.month + 2) // 3}"
    wrong = []
    for message in warehouse.rows(DECIDED, [as_of]):
        people = shared[message["channel"], message["contact_point"]] | {message["customer_id"]}
        controlled = any(_bucket(f"global|{quarter}|{who}") < 100 * percent for who in people)
        if message["is_held_out"] or (message["class"] == "promotional" and controlled):
            wrong.append(f"{message['message']} by {message['channel']}")
    return wrong


def _bucket(text: str) -> int:
    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16) % 10_000


def unexplained(warehouse: DuckDBWarehouse) -> list[str]:
    """Due steps without a verdict, verdicts without their gates, messages without a fate."""
    missing = warehouse.rows(
        """
        select schedule.journey || '.' || schedule.step as place
        from journeys.journey_schedule as schedule
        where schedule.due_at <= (select max(as_of) from raw.tick)
            and coalesce(schedule.exited_at > schedule.due_at, true)
            and not exists (
                select 1
                from (
                    select entry_id, step from decisions.send_decisions
                    union all
                    select entry_id, step from decisions.send_evaluations
                ) as verdict
                where verdict.entry_id = schedule.entry_id and verdict.step = schedule.step
            )
        """
    )
    return [
        *(f"{row['place']} is due and has no verdict" for row in missing),
        *_wrong_gates(warehouse),
        *_without_a_fate(warehouse),
    ]


def _wrong_gates(warehouse: DuckDBWarehouse) -> list[str]:
    verdicts = defaultdict(list)
    for row in warehouse.rows("select * from decisions.send_explain order by send_id, gate_no"):
        verdicts[row["send_id"], row["decision"]].append(row)
    wrong = []
    for (send_id, decision), gates in verdicts.items():
        failed = [row for row in gates if row["passed"] is False]
        is_told = all(row["reason"] for row in failed) and bool(failed) == (decision != "send")
        if [row["gate_no"] for row in gates] != list(range(1, GATES + 1)) or not is_told:
            wrong.append(f"{send_id}: {decision} is not told by its gates")
    return wrong


def _without_a_fate(warehouse: DuckDBWarehouse) -> list[str]:
    rows = warehouse.rows(
        """
        select outbox.send_id, outbox.channel
        from decisions.outbox
        left join activation.intent on intent.key = outbox.send_id
        left join decisions.withdrawn_messages as withdrawn using (send_id)
        left join decisions.rendered_messages as rendered using (send_id)
        where intent.state is null and withdrawn.reason is null and rendered.problem is null
            and outbox.send_at <= (select max(as_of) from raw.tick)
        """
    )
    return [f"{row['send_id']} by {row['channel']} has no fate" for row in rows]
