"""Every row can say why it is where it is."""

from activations.explain import explain
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import World, crowd, person


def test_explanation_names_state_and_reason_sync_by_sync(warehouse: DuckDBWarehouse) -> None:
    world = World(warehouse)
    world.people(crowd(3))
    world.vendor.refused = {"c2"}
    world.apply()
    world.name = "second_sync"
    world.vendor.refused = set()
    world.apply()

    first, second = explain(warehouse, "c2")
    assert (first["sync"], first["is_acknowledged"]) == ("people_vendor", False)
    assert (first["state"], first["reason"]) == ("rejected", "refused")
    assert first["why"] == "entered: not acknowledged yet"
    assert (second["sync"], second["is_acknowledged"]) == ("second_sync", True)

    world.people([person(1), person(3)])
    world.apply()
    (left,) = explain(warehouse, "c2", sync="second_sync")
    assert (left["is_acknowledged"], left["why"]) == (False, "left the audience")
    assert explain(warehouse, "nobody") == []
