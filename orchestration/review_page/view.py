"""What the page shows of a pair: both records field by field, the evidence, what an answer does."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import Any

from identity import DecisionError, check_decision
from identity.cluster import regroup
from orchestration.stewardship import links_of, record_of
from orchestration.warehouse import DuckDBWarehouse

FIELDS = (
    *("last_name", "first_name", "last_name_kana", "first_name_kana", "birth_on", "gender"),
    *("email", "phone", "postal_code", "prefecture", "address", "unique_id"),
    *("first_seen_at", "updated_at"),
)
TIMES = ("first_seen_at", "updated_at")  # they differ between any two records
LEAST_ALIKE = 0.5  # values less alike than this differ as a whole, not letter by letter
RECORDS_OF = """
    select source || ':' || source_id as record, customer_id,
        coalesce(
            nullif(concat_ws(' ', last_name, first_name), ''),
            nullif(concat_ws(' ', last_name_kana, first_name_kana), '')
        ) as name
    from identity.records where customer_id in (?, ?)
    order by record
"""

# Text in pieces, each with whether the other record has something else there.
Pieces = list[tuple[str, bool]]


@dataclass(frozen=True)
class Field:
    """One field of both records; `mark` is same, other, one_sided or time."""

    name: str
    left: Pieces
    right: Pieces
    mark: str


@dataclass(frozen=True)
class Bar:
    """One step of the evidence: its bits, and where its bar lies in a hundred units of width."""

    name: str
    bits: float
    start: float
    width: float


@dataclass(frozen=True)
class Waterfall:
    """The prior and each field's bits, adding up to the weight; `even` is where the odds are."""

    bars: list[Bar]
    even: float


@dataclass(frozen=True)
class Pair:
    """Two records as a steward judges them.

    `groups_now` are their one or two customers, as lists of records; `groups_different` those that
    the answer "different" would leave.
    """

    left: Mapping[str, Any]
    right: Mapping[str, Any]
    fields: list[Field]
    waterfall: Waterfall | None
    weight: float | None
    probability: float | None
    groups_now: list[list[Mapping[str, Any]]]
    groups_different: list[list[Mapping[str, Any]]]
    is_refused_same: bool
    is_refused_different: bool

    @property
    def is_one_customer(self) -> bool:
        """Whether both records belong to one customer now."""
        return self.left["customer_id"] == self.right["customer_id"]


def pair_of(
    warehouse: DuckDBWarehouse, one: str, other: str, scored: Mapping[str, Any] | None
) -> Pair:
    """Everything about two records; `scored` has their match_weight and weights, if known."""
    left, right = record_of(warehouse, one), record_of(warehouse, other)
    records = warehouse.rows(RECORDS_OF, [left["customer_id"], right["customer_id"]])
    now = [
        [record for record in records if record["customer_id"] == customer]
        for customer in dict.fromkeys((left["customer_id"], right["customer_id"]))
    ]
    parted = now
    if len(now) == 1:
        links = links_of(warehouse, left["customer_id"])
        if scored is None or scored["weights"] is None:
            scored = _link_between(links, one, other)
        keys = split_groups(links, [record["record"] for record in records], one, other)
        parted = [[r for r in records if r["record"] in group] for group in keys]
    return Pair(
        left=left,
        right=right,
        fields=compare(left, right),
        waterfall=_evidence(scored),
        weight=scored and scored["match_weight"],
        probability=scored and scored["match_probability"],
        groups_now=now,
        groups_different=parted,
        is_refused_same=_is_refused("same", left, right),
        is_refused_different=_is_refused("different", left, right),
    )


def _link_between(
    links: Sequence[Mapping[str, Any]], one: str, other: str
) -> Mapping[str, Any] | None:
    ends = {one, other}
    return next((link for link in links if {link["record_l"], link["record_r"]} == ends), None)


def _is_refused(decision: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    try:
        check_decision(decision, left["unique_id"], right["unique_id"])
    except DecisionError:
        return True
    return False


def split_groups(
    links: Sequence[Mapping[str, Any]], records: Sequence[str], one: str, other: str
) -> list[set[str]]:
    """The records of one customer as they would be grouped if two of them were different people."""
    number = {record: place for place, record in enumerate(records)}
    pairs = []
    for link in links:
        ends = sorted((number[link["record_l"]], number[link["record_r"]]))
        pairs.append((*ends, *ends, link["match_weight"]))
    groups: dict[int, set[str]] = {}
    for place, group in regroup(pairs, [(number[one], number[other])]):
        groups.setdefault(group, set()).add(records[place])
    return sorted(groups.values(), key=lambda group: (one not in group, other not in group))


def compare(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Field]:
    """The fields that at least one of the records has."""
    texts = [(name, _text(name, left[name]), _text(name, right[name])) for name in FIELDS]
    return [_field(name, one, other) for name, one, other in texts if one or other]


def _field(name: str, one: str, other: str) -> Field:
    if name in TIMES or not (one and other):
        return Field(
            name, [(one, False)], [(other, False)], "time" if name in TIMES else "one_sided"
        )
    return Field(name, *_differences(one, other), "same" if one == other else "other")


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d}" if name in TIMES else str(value)


def _differences(one: str, other: str) -> tuple[Pieces, Pieces]:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return [(one, True)], [(other, True)]
    left: Pieces = []
    right: Pieces = []
    for kind, l1, l2, r1, r2 in matcher.get_opcodes():
        if l2 > l1:
            left.append((one[l1:l2], kind != "equal"))
        if r2 > r1:
            right.append((other[r1:r2], kind != "equal"))
    return left, right


def _evidence(scored: Mapping[str, Any] | None) -> Waterfall | None:
    if not scored or not scored["weights"]:
        return None
    bits = json.loads(scored["weights"])
    return bars({"prior": scored["match_weight"] - sum(bits.values())} | bits)


def bars(weights: Mapping[str, float]) -> Waterfall:
    """Bars one after the other on one scale, from even odds to the sum of all."""
    steps = [(name, bits) for name, bits in weights.items() if bits]
    ends = [0.0, *accumulate(bits for _, bits in steps)]
    low, high = min(ends), max(ends)
    scale = 100 / ((high - low) or 1)
    placed = [
        Bar(name, bits, (min(start, end) - low) * scale, abs(bits) * scale)
        for (name, bits), (start, end) in zip(steps, pairwise(ends), strict=True)
    ]
    return Waterfall(placed, -low * scale)
