"""Every row can say why it is where it is."""

from datetime import datetime, timedelta

import pytest

from activations.explain import last_run, standing
from orchestration.explain import ids_of
from orchestration.warehouse import DuckDBWarehouse
from orchestration.why import segment_of, why_at_destination, why_in_segment
from tests.activation_kit import World, crowd, person


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(warehouse)


def test_standing_names_state_and_reason_sync_by_sync(world: World) -> None:
    world.people(crowd(3))
    world.vendor.refused = {"c2"}
    world.apply()
    world.name = "second_sync"
    world.vendor.refused = set()
    world.apply()

    first, second = standing(world.warehouse, ["c2"])
    assert (first["sync"], first["is_there"]) == ("people_vendor", False)
    assert (first["state"], first["reason"]) == ("rejected", "refused")
    assert first["why"] == "entered: not acknowledged yet"
    assert (second["sync"], second["is_there"]) == ("second_sync", True)

    world.people([person(1), person(3)])
    world.apply()
    (left,) = standing(world.warehouse, ["c2"], sync="second_sync")
    assert (left["is_there"], left["why"]) == (False, "left the audience")
    assert standing(world.warehouse, ["nobody"]) == []


def test_standing_looks_back_to_an_earlier_time(world: World) -> None:
    world.people(crowd(2))
    world.apply()
    entered = world.clock.time
    world.clock.time += timedelta(days=1)
    world.people(crowd(1))
    world.apply()
    assert standing(world.warehouse, ["c2"])[0]["is_there"] is False
    (then,) = standing(world.warehouse, ["c2"], at=entered + timedelta(hours=1))
    assert (then["is_there"], then["why"]) == (True, "entered: not acknowledged yet")
    assert standing(world.warehouse, ["c2"], at=entered - timedelta(days=1)) == []
    assert last_run(world.warehouse, "people_vendor", world.base_url, entered)["run_id"]


def why(world: World, customer: str) -> str:
    return why_at_destination(world.warehouse, world.spec, world.context, [customer], None)


def test_sentence_says_where_somebody_is_and_what_came_between(world: World) -> None:
    world.people(crowd(3))
    assert why(world, "c1") == "people_vendor: not there: wanted, and goes with the next run"
    world.vendor.refused = {"c2"}
    world.apply()
    there = "people_vendor: there since 2026-11-01 20:01 UTC (entered: not acknowledged yet)"
    assert why(world, "c1") == there
    assert why(world, "c2").startswith("people_vendor: not there: rejected (refused) at 2026-11-01")
    world.people(crowd(2)[1:])
    world.apply()
    assert "not there: taken out at" in why(world, "c1")
    assert why(world, "c9").endswith("does not have this customer")


def test_sentence_says_which_guard_stopped_the_run(world: World) -> None:
    world.guards = world.guards.model_copy(update={"max_rows": 1})
    world.people(crowd(3))
    world.apply()
    said = why(world, "c1")
    assert "wanted, but the last run was stopped: guard max_rows: 3 rows" in said


@pytest.fixture
def profile(warehouse: DuckDBWarehouse) -> DuckDBWarehouse:
    """What the segment `vip` and the consent to marketing look at."""
    warehouse.execute(
        """
        create schema marts; create schema segments; create schema identity;
        create table marts.customer_scores as
            select 'c1' as customer_id, 'C' as rfm_rank union all select 'c2', 'A';
        create table marts.customer_events (
            customer_id varchar, event varchar, occurred_at timestamp
        );
        create table segments.segment_membership as
            select 'vip' as segment, 'c2' as customer_id,
                timestamp '2026-10-01' as valid_from, cast(null as timestamp) as valid_to
            union all select 'vip', 'c1', timestamp '2026-08-01', timestamp '2026-09-01';
        create table marts.score_history as
            select 'c2' as customer_id, timestamp '2026-10-01' as valid_from,
                'rfm_rank C → A' as what_changed;
        create table identity.identity_events (
            occurred_at timestamp, event varchar, customer_id varchar, previous_customer_id varchar
        );
        insert into identity.identity_events values
            ('2026-10-01', 'merged', 'c2', 'c0'), ('2026-10-02', 'merged', 'c3', 'c2');
        """
    )
    return warehouse


def test_segment_sentence_gives_the_rule_and_what_it_finds(profile: DuckDBWarehouse) -> None:
    said = why_in_segment(profile, "vip", "c2", None)
    assert said.startswith("in segment vip since 2026-10-01 00:00 UTC (rfm_rank C → A)")
    assert "the rule is rfm_rank = 'A'" in said
    assert "here rfm_rank is A" in said
    said = why_in_segment(profile, "vip", "c1", None)
    assert said.startswith("not in segment vip: left it at 2026-09-01")
    assert "here rfm_rank is C" in said
    then = datetime(2026, 8, 15)
    assert why_in_segment(profile, "vip", "c1", then) == "in segment vip since 2026-08-01 00:00 UTC"
    assert why_in_segment(profile, "vip", "c7", then) == "not in segment vip, and never was"


def test_all_ids_that_a_person_has_had_are_asked_for(profile: DuckDBWarehouse) -> None:
    assert ids_of(profile, "c0") == ["c3", "c0", "c2"]
    assert ids_of(profile, "c9") == ["c9"]


def test_segment_of_a_sync_is_read_from_its_model() -> None:
    direct = {"depends_on": {"nodes": ["model.enishi.segment__vip"]}, "raw_code": ""}
    named = {"depends_on": {"nodes": []}, "raw_code": "{{ f('m', 'renewals_next_10d') }}"}
    none = {"depends_on": {"nodes": ["model.enishi.customers"]}, "raw_code": "select 1"}
    assert [segment_of(m) for m in (direct, named, none)] == ["vip", "renewals_next_10d", None]
