"""The plan sends the difference between the model and what the destination acknowledged."""

import pytest

from activations.plan import plans_to_json
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AS_OF, World, crowd, person


@pytest.fixture
def world(warehouse: DuckDBWarehouse) -> World:
    return World(warehouse)


def test_first_run_sends_all_and_second_run_sends_nothing(world: World) -> None:
    world.people(crowd(25))
    first = world.apply()
    assert first.ok
    assert first.outcomes["acked"] == 25
    assert len(world.vendor.requests) == 3  # 10 rows a request
    assert sorted(world.vendor.deliveries) == sorted(f"c{i}" for i in range(1, 26))

    plan = world.plan()
    assert (plan.total_changes, plan.unchanged) == (0, 25)
    second = world.apply()
    assert second.ok
    assert len(world.vendor.requests) == 3


def test_only_changed_rows_are_sent_and_the_plan_names_the_columns(world: World) -> None:
    world.mapping = {"FNAME": "first_name"}
    world.people(crowd(3))
    world.apply()
    world.people([person(1), person(2, first_name="new"), person(3)])
    plan = world.plan()
    assert (plan.add, plan.update, plan.remove, plan.unchanged) == (0, 1, 0, 2)
    assert plan.examples[0]["changed_columns"] == "FNAME"
    assert plan.examples[0]["why"] == "changed: FNAME"
    world.apply()
    assert world.vendor.sent(1) == [("add", ["c2"])]
    assert world.vendor.members["p2@mail.example"] == {"FNAME": "new"}


def test_leaver_is_removed_by_the_identifiers_once_added(world: World) -> None:
    world.people([person(1, email="Old@mail.example"), person(2)])
    world.apply()
    world.people([person(2)])
    world.apply()
    assert world.vendor.rows(1) == [
        {
            "key": "c1",
            "identifiers": {"EMAIL": "old@mail.example", "PHONE": "07000000001"},
            "columns": {},
        }
    ]
    assert world.vendor.sent(1) == [("remove", ["c1"])]
    assert list(world.acknowledged()) == ["c2"]


def test_changed_email_takes_the_old_address_out_before_the_new_one_goes_in(world: World) -> None:
    world.people(crowd(2))
    world.apply()
    world.people([person(1, email="new@mail.example"), person(2)])
    assert world.plan().update == 1
    world.apply()
    assert world.vendor.sent(1) == [("remove", ["c1"]), ("add", ["c1"])]
    once_added = {"EMAIL": "p1@mail.example", "PHONE": "07000000001"}
    assert world.vendor.rows(1)[0]["identifiers"] == once_added
    assert set(world.vendor.members) == {"new@mail.example", "p2@mail.example"}

    world.people([person(2)])
    world.apply()
    removed = world.vendor.rows(3)[0]["identifiers"]
    assert removed == {"EMAIL": "new@mail.example", "PHONE": "07000000001"}


def test_identifiers_that_another_row_carries_are_not_taken_out(world: World) -> None:
    world.identifiers = ("email",)
    family = "family@mail.example"
    world.people([person(1, email=family), person(2, email=family), person(3)])
    world.apply()
    world.people([person(2, email=family), person(4, email="p3@mail.example")])
    result = world.apply()
    assert world.vendor.sent(1) == [("add", ["c4"])]
    assert result.by_operation["remove"] == {"acked": 2}
    assert set(world.acknowledged()) == {"c2", "c4"}
    assert set(world.vendor.members) == {family, "p3@mail.example"}


def test_adds_are_confirmed_before_removals_go(world: World) -> None:
    world.people(crowd(2))
    world.apply()
    world.people([person(2), person(3)])
    world.apply()
    assert world.vendor.sent(1) == [("add", ["c3"]), ("remove", ["c1"])]


def test_row_that_comes_back_is_added_again(world: World) -> None:
    world.people(crowd(2))
    world.apply()
    world.people([person(2)])
    world.apply()
    world.people(crowd(2))
    world.apply()
    assert world.vendor.sent(2) == [("add", ["c1"])]


def test_null_and_empty_text_differ(world: World) -> None:
    world.mapping = {"FNAME": "first_name"}
    world.people([person(1, first_name=""), person(2)])
    world.apply()
    world.people([person(1, first_name=None), person(2)])
    assert world.plan().update == 1


def test_values_do_not_run_into_each_other(world: World) -> None:
    world.mapping = {"A": "first_name", "B": "phone"}
    world.people([person(1, first_name="x,y", phone="z"), person(2)])
    world.apply()
    world.people([person(1, first_name="x", phone="y,z"), person(2)])
    assert world.plan().examples[0]["changed_columns"] == "phone, A, B"


def test_changed_mapping_sends_only_rows_that_really_differ(world: World) -> None:
    world.people([person(1, first_name=None), person(2)])
    world.mapping = {"PHONE2": "phone"}
    world.apply()
    world.mapping = {"FNAME": "first_name"}
    plan = world.plan()
    assert (plan.update, plan.unchanged) == (1, 1)
    world.apply()
    assert world.vendor.sent(1) == [("add", ["c2"])]
    assert world.plan().total_changes == 0
    world.mapping = {}
    assert world.plan().total_changes == 0


def test_what_the_sink_confirmed_does_not_count_for_the_live_vendor(world: World) -> None:
    world.people(crowd(3))
    world.apply()
    world.base_url = "https://live.example"
    assert world.plan().add == 3


@pytest.mark.parametrize(
    ("mode", "sent"),
    [("add_only", [("add", ["c3"])]), ("mirror", [("add", ["c2", "c3"]), ("remove", ["c1"])])],
)
def test_mode_decides_which_operations_are_sent(
    world: World, mode: str, sent: list[tuple[str, list[str]]]
) -> None:
    world.mode = mode
    world.mapping = {"FNAME": "first_name"}
    world.people(crowd(2))
    world.apply()
    world.people([person(2, first_name="new"), person(3)])
    world.apply()
    assert world.vendor.sent(1) == sent


def test_why_of_the_model_is_kept(world: World) -> None:
    world.people([person(1, why="rfm_rank C → A")])
    world.apply()
    rows = world.warehouse.rows("select customer_id, why from activation.plan_row")
    assert rows == [{"customer_id": "c1", "why": "rfm_rank C → A"}]


def test_planning_writes_nothing(world: World) -> None:
    world.people(crowd(2))
    world.plan()
    for table in ("run", "plan_row", "intent"):
        assert world.warehouse.value(f"select count(*) from activation.{table}") == 0


def test_plan_as_json_has_the_public_shape(world: World) -> None:
    world.people(crowd(2))
    printed = plans_to_json(AS_OF, [world.plan()])
    assert printed["total_changes"] == 2
    (sync,) = printed["syncs"]
    expected = {
        "sync": "people_vendor",
        "destination": "vendor",
        "class": "state",
        "add": 2,
        "update": 0,
        "remove": 0,
        "send": 0,
        "retry": 0,
        "unchanged": 0,
    }
    assert expected.items() <= sync.items()
    assert all({"guard", "passed", "detail"} <= guard.keys() for guard in sync["guards"])
    assert sync["cost"] == {"requests": 1, "seconds": 0.0}


def test_row_without_usable_identifier_is_kept_aside_and_the_rest_goes(world: World) -> None:
    world.people([person(1, email="broken", phone=None), person(2)])
    result = world.apply()
    assert result.ok
    assert result.outcomes == {
        "acked": 1,
        "rejected": 1,
        "in_doubt": 0,
        "deferred": 0,
        "expired": 0,
    }
    rejection = world.warehouse.rows("select key, customer_id, reason from activation.rejection")
    assert rejection == [{"key": "c1", "customer_id": "c1", "reason": "no usable identifier"}]
    plan = world.plan()
    assert (plan.total_changes, plan.held["unusable"]) == (0, 1)
    world.people([person(1, phone=None), person(2)])
    world.apply()
    assert world.vendor.sent(1) == [("add", ["c1"])]
