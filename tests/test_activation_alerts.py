"""Alerts: one when a sync begins to fail, one when it is well again, and nobody's name in them."""

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from activations.alerts import announce, channel
from activations.destinations import destinations
from activations.destinations.base import Fatal, Secret
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import World, crowd, down

SLACK = Secret("https://hooks.slack.com/services/T0/B0/secret")


class Room:
    """A Slack channel."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_open = True

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.is_open:
            return httpx.Response(403)
        self.said.append(json.loads(request.content)["text"])
        return httpx.Response(200, text="ok")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(DuckDBWarehouse(tmp_path / "enishi.duckdb"))


def run(world: World, room: Room) -> None:
    """One run, and what is to be said of it."""
    result = world.apply()
    context = replace(
        world.context,
        transport=httpx.MockTransport(room),
        destinations=destinations(),
        secrets={"SLACK_WEBHOOK_URL": SLACK},
    )
    to = channel("slack")
    assert to is not None
    announce(world.warehouse, context, result, to)


def test_the_change_is_told_and_not_every_failure(world: World) -> None:
    room = Room()
    world.people(crowd(3))
    run(world, room)
    assert room.said == []
    world.people(crowd(5))
    for _ in range(3):
        world.vendor.faults = [down] * 4
        run(world, room)
    assert room.said == ["Sync people_vendor does not work: failed (2 deferred)"]
    run(world, room)
    run(world, room)
    assert room.said[1:] == ["Sync people_vendor is well again (2 acked)"]


def test_an_alert_that_could_not_be_sent_is_sent_after_the_next_run(world: World) -> None:
    room = Room()
    world.people(crowd(3))
    room.is_open = False
    for _ in range(2):
        world.vendor.faults = [down] * 4
        run(world, room)
        room.is_open = True
    assert len(room.said) == 1


def test_a_setting_that_is_no_channel_is_refused() -> None:
    assert channel(None) is None
    assert channel("https://hooks.example/enishi").options == {
        "url": "https://hooks.example/enishi"
    }
    with pytest.raises(Fatal, match="ENISHI_ALERTS"):
        channel("teams")
