"""A sync is a dbt exposure; everything wrong with any of them is said before anything is sent."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from activations import schema
from activations.spec import SpecError, json_schema, load_syncs
from orchestration.warehouse import DuckDBWarehouse
from tests.activation_kit import AUDIENCE, MESSAGES, VendorDestination

SOURCES = Path("dbt_project/models/activation/_activation__sources.yml")
COLUMNS = ["customer_id", "email", "phone", "first_name"]
DESTINATIONS = {
    "vendor": VendorDestination(AUDIENCE),
    "sms": VendorDestination(MESSAGES, name="sms"),
}
VIP = {
    "destination": "vendor",
    "mode": "mirror",
    "key": "customer_id",
    "identifiers": ["email", "phone"],
    "mapping": {"FNAME": "first_name"},
}


def manifest(**syncs: Any) -> dict[str, Any]:
    """A dbt manifest with one exposure and one model per sync; a pair names another model."""
    exposures, nodes = {}, {}
    for name, declared in syncs.items():
        declared, model = declared if isinstance(declared, tuple) else (declared, f"sync_{name}")
        exposures[f"exposure.enishi.{name}"] = {
            "name": name,
            "config": {"meta": {"sync": declared} if declared else {}},
            "depends_on": {"nodes": [f"model.enishi.{model}"]},
        }
        nodes[f"model.enishi.sync_{name}"] = {
            "resource_type": "model",
            "name": f"sync_{name}",
            "schema": "syncs",
            "alias": f"sync_{name}",
        }
    return {"exposures": exposures, "nodes": nodes}


def problems(**syncs: Any) -> list[str]:
    with pytest.raises(SpecError) as raised:
        load_syncs(manifest(**syncs), lambda relation: COLUMNS, DESTINATIONS)
    return raised.value.problems


def test_exposure_becomes_a_sync() -> None:
    (spec,) = load_syncs(manifest(vip=VIP, dashboard=None), lambda relation: COLUMNS, DESTINATIONS)
    assert (spec.name, spec.relation, spec.sync_class) == ("vip", "syncs.sync_vip", "state")
    assert spec.mapping == {"FNAME": "first_name"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"mapping": {"FNAME": "given"}},
            "syncs.sync_vip has no column given; columns: customer_id, email, phone, first_name",
        ),
        ({"destination": "vendr"}, "no destination 'vendr'; destinations: sms, vendor"),
        ({"mode": "upsert"}, "vendor has no mode 'upsert'; modes: add_only, mirror"),
        (
            {"identifiers": ["fax"]},
            "vendor does not identify people by fax; identifiers: email, phone",
        ),
        ({"identifiers": []}, "no identifiers; vendor accepts: email, phone"),
        (
            {"mode": "mirorr"},
            "mode: Input should be 'mirror', 'upsert', 'update_only', 'add_only', 'rebuild', "
            "'ttl_refresh' or 'message'",
        ),
        ({"ttl_days": 30}, "ttl_days belongs to mode ttl_refresh"),
        ({"keys": "x"}, "keys: Extra inputs are not permitted"),
        ({"guards": {"max_exit_ratio": -1}}, "guards.max_exit_ratio: Input should be greater"),
    ],
)
def test_mistake_is_told_with_the_valid_names(change: dict[str, Any], problem: str) -> None:
    found = problems(vip={**VIP, **change})
    assert any(line.startswith(f"sync vip: {problem}") for line in found), found


def test_unknown_model_is_told_with_the_valid_ones() -> None:
    (problem,) = problems(vip=(VIP, "sync_vips"))
    expected = "depends_on must name one sync model, not sync_vips; models: sync_vip"
    assert problem == f"sync vip: {expected}"


def test_all_problems_of_all_syncs_are_told_at_once() -> None:
    found = problems(
        vip={**VIP, "destination": "vendr", "key": "id"},
        sms={**VIP, "destination": "sms", "mode": "message", "expires_after": "2h"},
        good=VIP,
    )
    assert [line.split(":")[0] for line in found] == ["sync sms"] * 2 + ["sync vip"] * 2
    assert "send_at" in found[1]


def test_published_schema_accepts_a_good_declaration_and_refuses_a_bad_one() -> None:
    jsonschema.validate(VIP, json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**VIP, "mode": "sync"}, json_schema())


def test_ledger_is_documented_as_it_is(warehouse: DuckDBWarehouse) -> None:
    schema.ensure(warehouse)
    schema.ensure(warehouse)  # again does no harm
    types = {"string": "VARCHAR", "timestamp": "TIMESTAMP", "int": "INTEGER"}
    (source,) = yaml.safe_load(SOURCES.read_text())["sources"]
    documented = {
        (table["name"], column["name"], types.get(column["data_type"], column["data_type"].upper()))
        for table in source["tables"]
        for column in table["columns"]
        if column["description"]
    }
    actual = warehouse.rows(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = 'activation'"
    )
    assert documented == {tuple(row.values()) for row in actual}
