"""Plans can be saved, reverted and replayed."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from activations.context import Context
from activations.destinations.base import Fatal, Operation
from activations.engine import apply_sync, plan_sync
from activations.replay import replay
from activations.sealed import BadPlan, load_plans, save_plans
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AS_OF, AUDIENCE, MESSAGES, World, crowd, person


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(warehouse, mapping={"FNAME": "first_name"})


def saved(world: World, path: Path) -> Context:
    """The context of `apply --plan` with the plan as it is now."""
    save_plans(path, AS_OF, [world.plan()], [world.spec])
    return replace(world.context, saved_plans=load_plans(path))


def test_saved_plan_is_applied_as_it_was_shown(world: World, tmp_path: Path) -> None:
    world.people(crowd(3))
    context = saved(world, tmp_path / "plan.json")
    assert apply_sync(world.warehouse, world.spec, context).outcomes["acked"] == 3


def test_saved_plan_is_refused_once_its_rows_have_changed(world: World, tmp_path: Path) -> None:
    world.people(crowd(3))
    context = saved(world, tmp_path / "plan.json")
    world.people([*crowd(2), person(3, first_name="other")])
    refused = apply_sync(world.warehouse, world.spec, context)
    assert refused.status == "stopped"
    assert "its rows have changed since the plan was saved" in refused.problems[0]
    assert world.vendor.requests == []


def test_saved_plan_is_refused_once_the_declaration_or_the_address_has_changed(
    world: World, tmp_path: Path
) -> None:
    world.people(crowd(3))
    context = saved(world, tmp_path / "plan.json")
    elsewhere = replace(context, base_url_for=lambda _: "http://other.example")
    refused = apply_sync(world.warehouse, world.spec, elsewhere)
    assert "saved for http://sink.example/vendor" in refused.problems[0]
    world.mapping = {}
    refused = apply_sync(world.warehouse, world.spec, context)
    assert "declaration of the sync has changed" in refused.problems[0]
    assert world.vendor.requests == []


def test_edited_plan_is_refused(world: World, tmp_path: Path) -> None:
    world.people(crowd(3))
    path = tmp_path / "plan.json"
    saved(world, path)
    document = json.loads(path.read_text())
    document["syncs"][0]["add"] = 1
    path.write_text(json.dumps(document))
    with pytest.raises(BadPlan, match="was changed after it was saved"):
        load_plans(path)
    path.write_text("[]")
    with pytest.raises(BadPlan, match="no saved plan"):
        load_plans(path)


def test_plan_names_old_and_new_values_but_no_personal_ones(world: World) -> None:
    world.mapping = {"FNAME": "first_name", "RANK": "rank"}
    world.people([{**person(1), "rank": "C"}, {**person(2), "rank": "B"}])
    world.apply()
    world.people([{**person(1, email="n@x.example"), "rank": "A"}, {**person(2), "rank": None}])
    first, second = sorted(world.plan().examples, key=lambda row: row["key"])
    assert first["why"] == "changed: email, RANK C → A"
    assert second["why"] == "changed: RANK B → nothing"
    assert first["changed_columns"] == "email, RANK"


def test_why_names_the_segment_that_was_entered_or_left(world: World) -> None:
    vip = {"segment": "vip"}
    world.people(crowd(2))
    spec = world.spec.model_copy(update=vip)
    plan = plan_sync(world.warehouse, spec, world.context)
    assert {row["why"] for row in plan.examples} == {"entered segment vip"}
    world.apply()
    world.people(crowd(1))
    plan = plan_sync(world.warehouse, spec, world.context)
    assert plan.examples[0]["why"] == "left segment vip"


def test_why_names_what_changed_about_those_who_entered_or_left(world: World) -> None:
    causes = "select 'c1' as customer_id, 'rfm_rank C → A' as cause"
    context = replace(world.context, causes=causes)
    world.people(crowd(2))
    spec = world.spec.model_copy(update={"segment": "vip"})
    plan = plan_sync(world.warehouse, spec, context)
    assert [row["why"] for row in sorted(plan.examples, key=lambda row: row["key"])] == [
        "entered segment vip: rfm_rank C → A",
        "entered segment vip",
    ]
    plain = plan_sync(world.warehouse, world.spec, context)
    assert {row["why"] for row in plain.examples} == {"entered: not acknowledged yet"}
    world.apply()
    world.people([person(2)])
    plan = plan_sync(world.warehouse, spec, context)
    assert plan.examples[0]["why"] == "left segment vip: rfm_rank C → A"


def run_ids(world: World) -> list[str]:
    rows = world.warehouse.rows("select run_id from activation.run order by started_at")
    return [row["run_id"] for row in rows]


def test_revert_brings_back_what_the_destination_had_after_a_run(world: World) -> None:
    world.can = replace(AUDIENCE, operations=frozenset(Operation))
    world.identifiers = ("email",)
    world.mapping = {"FNAME": "first_name", "N": "n", "ON": "on_date"}
    extra = {"n": 7, "on_date": date(2026, 1, 2)}
    world.people([{**p, **extra} for p in crowd(3)])
    world.apply()
    members = dict(world.vendor.members)
    (first,) = run_ids(world)
    changed = [person(2, first_name="new"), person(3, email="new@mail.example"), person(4)]
    world.people([{**p, **extra} for p in changed])
    world.apply()
    assert world.vendor.members != members

    plan = plan_sync(world.warehouse, world.spec, world.context, revert_to=first)
    assert (plan.add, plan.update, plan.remove) == (1, 2, 1)
    assert {row["why"] for row in plan.examples} >= {"back to what it was"}
    reverted = apply_sync(world.warehouse, world.spec, world.context, revert_to=first)
    assert reverted.ok
    assert world.vendor.members == members
    again = plan_sync(world.warehouse, world.spec, world.context, revert_to=first)
    assert again.total_changes == 0
    assert world.warehouse.value("select max(reverts_to) from activation.run") == first


def test_what_has_been_said_cannot_be_reverted(world: World) -> None:
    world.can, world.mode, world.identifiers = MESSAGES, "message", ("email",)
    world.people(crowd(1))
    world.apply()
    with pytest.raises(Fatal, match="cannot be taken back"):
        plan_sync(world.warehouse, world.spec, world.context, revert_to=run_ids(world)[0])


def test_revert_to_an_unknown_run_is_refused(world: World) -> None:
    world.people(crowd(1))
    world.apply()
    with pytest.raises(Fatal, match="has no run nowhere"):
        plan_sync(world.warehouse, world.spec, world.context, revert_to="nowhere")


def test_replay_makes_the_identical_requests_offline(world: World) -> None:
    world.people(crowd(25))
    world.vendor.poison = "c7"  # found by halving: more requests than batches
    world.apply()
    world.people([person(1, email="new@mail.example"), *crowd(20)[1:]])
    world.apply()
    sent = [request.content for request in world.vendor.requests]
    replayed = []
    for run_id in run_ids(world):
        for made in replay(world.warehouse, run_id, world.context):
            assert made.is_identical
            replayed.append(made.request.content)
    assert len(world.vendor.requests) == len(sent)
    assert sorted(replayed) == sorted(set(sent) - refused(world))
    assert len(replayed) > 6


def refused(world: World) -> set[bytes]:
    """Requests that the vendor refused whole; their rows went again in smaller ones."""
    return {r.content for r in world.vendor.requests if b'"c7"' in r.content}


def test_replay_tells_when_a_request_comes_out_otherwise(world: World) -> None:
    world.people(crowd(2))
    world.apply()
    world.warehouse.execute("update activation.intent set payload = replace(payload, 'name1', 'x')")
    (made,) = replay(world.warehouse, run_ids(world)[0], world.context)
    assert not made.is_identical
    with pytest.raises(Fatal, match="no run r1"):
        list(replay(world.warehouse, "r1", world.context))
