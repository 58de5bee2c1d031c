"""A whole Dagster run whose vendor repeats what it was sent: no value of it is kept anywhere."""

import json
import logging
from dataclasses import replace

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from activations.engine import apply_sync
from orchestration import sync_assets, syncs
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, World, crowd
from tests.test_activation_privacy import SECRETS, Leaky, echo, talkative, traces


@pytest.mark.parametrize(
    "fault", [echo(401), echo(400), echo(500), talkative], ids=["401", "400", "500", "no answer"]
)
def test_event_log_and_captured_logs_of_a_failing_run_name_nobody(
    warehouse: DuckDBWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault,
) -> None:
    caplog.set_level(logging.DEBUG)
    (asset, *_) = sync_assets.sync_assets()
    world = World(warehouse, mapping={"FNAME": "first_name"}, name=asset.key.path[-1])
    can = replace(AUDIENCE, required_secrets=frozenset({"VENDOR_TOKEN"}))
    context = replace(world.context, secrets=SECRETS, destinations={"vendor": Leaky(can)})
    world.people(crowd(25))
    world.vendor.faults = [fault] * 99
    monkeypatch.setattr(syncs, "syncs", lambda names: [world.spec])
    monkeypatch.setattr(syncs, "ledger", lambda: warehouse)
    monkeypatch.setattr(syncs, "run_sync", lambda spec: apply_sync(warehouse, spec, context))
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([asset], instance=instance, raise_on_error=False)
        records = instance.all_logs(run.run_id)
    kept = "\n".join(serialize_value(record) for record in records)
    assert world.vendor.requests
    assert "ASSET_MATERIALIZATION" in kept and asset.key.path[-1] in kept
    out, err = capfd.readouterr()
    said = kept + caplog.text + out + err
    said += json.dumps(said)[1:-1]  # and as it stands within quotes
    assert [trace for trace in traces(world) if trace in said] == []
