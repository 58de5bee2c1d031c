"""The golden record over ticks: what changes it, what does not, and whose consent is whose."""

import json
from datetime import datetime
from functools import cache

from golden_kit import APART, AS_OF, world

from orchestration.golden_pins import pin_value, unpin_value
from orchestration.warehouse import DuckDBWarehouse

MERGED = dict.fromkeys(APART, "ann")
DAY = [AS_OF, *(datetime(2026, 10, day) for day in range(2, 7))]
GOLDEN = (
    "int_golden_pins int_surviving_values int_survivors customer_versions customers "
    "int_contact_point_mentions int_consent_evidence consents"
)


def tick(day: int, customers: dict[str, str]) -> tuple[list[dict], dict[str, str]]:
    """Golden rows, and the consent of each contact point, after a tick with these identities."""
    here = world()
    here.resolve_as(customers)
    here.build(GOLDEN, DAY[day])
    consents = here.rows("select * from marts.consents where channel in ('email', 'post')")
    return (
        here.rows("select * from marts.customers order by customer_id"),
        {row["contact_point"]: row["state"] for row in consents},
    )


def door() -> DuckDBWarehouse:
    return world().warehouse


@cache
def played() -> dict[str, tuple[list[dict], dict[str, str]]]:
    first, same = tick(0, APART), tick(1, APART)
    return {"first": first, "same": same, "merged": tick(2, MERGED), "split": tick(3, APART)}


def test_a_tick_without_new_values_leaves_golden_rows_as_they_are() -> None:
    first, _ = played()["first"]
    assert {row["changed_at"] for row in first} == {DAY[0]}
    assert played()["same"] == played()["first"]


def test_a_merge_lets_values_compete_and_tells_which_rule_decided() -> None:
    [ann], _ = played()["merged"]
    assert (ann["last_name"], ann["changed_at"]) == ("鈴木", DAY[2])
    assert json.loads(ann["value_sources"])["last_name"] == "crm_members:M3"
    assert json.loads(ann["value_rules"])["last_name"] == "most_frequent"


def test_an_unmerge_brings_the_earlier_golden_rows_back() -> None:
    def values(moment: str) -> list[dict]:
        rows, _ = played()[moment]
        return [{k: v for k, v in row.items() if k != "changed_at"} for row in rows]

    assert values("split") == values("first")
    changed = {row["customer_id"]: row["changed_at"] for row in played()["split"][0]}
    assert changed == {"ann": DAY[3], "ben": DAY[0], "cat": DAY[0], "kai": DAY[0]}


def test_consent_belongs_to_the_contact_point_whoever_holds_it() -> None:
    """Records of one address disagree: no, until a later yes. Others keep theirs, also merged."""
    expected = {"ann@mail.example": "opted_out", "anzu@mail.example": "opted_in"}
    expected["kai@mail.example"] = "opted_in"  # by the form that came after the flag
    for _, consents in played().values():
        assert {point: state for point, state in consents.items() if "@" in point} == expected


def test_one_address_of_records_that_disagree_gets_no_post_and_an_unmerge_parts_them_again() -> (
    None
):
    def post(moment: str) -> dict[str, str]:
        return {k: v for k, v in played()[moment][1].items() if "@" not in k}

    apart = {"1000001 千代田1-1": "opted_in", "1500001 渋谷2-2": "opted_out"}
    assert post("first") == post("split") == apart
    assert post("merged") == {"1500001 渋谷2-2": "opted_out"}


def test_a_pinned_value_survives_whatever_the_records_say() -> None:
    before = played()["split"][0][0]
    pin_id = pin_value(door(), "crm_members:M1", "last_name", "佐東", "aya", "her card", DAY[4])
    pinned = tick(4, APART)[0][0]
    assert (pinned["last_name"], pinned["first_name"]) == ("佐東", "杏")
    assert (before["changed_at"], pinned["changed_at"]) == (DAY[3], DAY[4])
    assert json.loads(pinned["value_sources"])["last_name"] == f"golden_pins:{pin_id}"
    unpin_value(door(), "crm_members:M1", "last_name", "aya", "married", DAY[5])
    assert tick(5, APART)[0][0] == before | {"changed_at": DAY[5]}
