"""The rules of the house, checked over dbt's manifest and the Python imports."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt_manifest import manifest

PROJECT = Path(__file__).resolve().parent.parent
# a model may read its own layer and those before it
LAYERS = (
    *("staging", "identity", "marts", "segments", "journeys", "experiments", "decisions"),
    "activation",
)
PUBLIC = ("marts", "segments", "activation")
WALL_CLOCK = r"\b(now\s*\(|current_timestamp|current_date|today\s*\(|getdate\s*\(|sysdate)"
DIALECT = {
    "a :: cast": r"::",
    "qualify": r"\bqualify\b",
    "group by all": r"\bgroup\s+by\s+all\b",
    "filter (where": r"\bfilter\s*\(\s*where\b",
    "an engine's own function": (
        r"\b(strftime|strptime|try_strptime|date_diff|datediff|date_add|regexp_\w+|json_\w+|"
        r"list_\w+|struct_pack|epoch\w*|any_value|arg_m(ax|in)|max_by|min_by|string_agg|"
        r"listagg|to_json|try_cast|safe_cast|ifnull|nvl|iff|read_\w+)\s*\("
    ),
}


def nodes(resource_type: str) -> list[Mapping[str, Any]]:
    return [n for n in manifest()["nodes"].values() if n["resource_type"] == resource_type]


def models() -> list[Mapping[str, Any]]:
    return nodes("model")


def layer(model: Mapping[str, Any]) -> str:
    return model["fqn"][1]


def sql_without_jinja_and_comments(model: Mapping[str, Any]) -> str:
    code = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", " ", model["raw_code"], flags=re.S)
    return re.sub(r"--[^\n]*|'[^']*'", " ", code).lower()


def data_tests_of(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [t for t in nodes("test") if t.get("attached_node") == model["unique_id"]]


def test_models_live_in_known_layers() -> None:
    assert {layer(m) for m in models()} <= set(LAYERS)


def test_layers_only_reach_down() -> None:
    by_id = {m["unique_id"]: m for m in models()}
    wrong = [
        f"{m['name']} ({layer(m)}) reads {by_id[parent]['name']} ({layer(by_id[parent])})"
        for m in models()
        for parent in m["depends_on"]["nodes"]
        if parent in by_id and LAYERS.index(layer(by_id[parent])) > LAYERS.index(layer(m))
    ]
    assert not wrong


def test_only_staging_reads_raw() -> None:
    wrong = [
        m["name"]
        for m in models()
        if layer(m) != "staging"
        for parent in m["depends_on"]["nodes"]
        if parent.startswith("source.enishi.raw.")
    ]
    assert not wrong


def test_every_model_states_its_grain() -> None:
    assert not [m["name"] for m in models() if "one row per" not in m["description"].lower()]


def test_every_model_has_a_unique_and_not_null_key() -> None:
    """Only models that say why (meta `keyless`) may do without: order lines have no key."""
    wrong = []
    for model in models():
        kinds = {t["test_metadata"]["name"] for t in data_tests_of(model) if t.get("test_metadata")}
        has_key = bool(kinds & {"unique", "unique_combination"}) and "not_null" in kinds
        if not has_key and not model["config"]["meta"].get("keyless"):
            wrong.append(model["name"])
    assert not wrong


def test_public_models_have_enforced_contracts() -> None:
    wrong = [
        m["name"]
        for m in models()
        if layer(m) in PUBLIC
        and m["config"]["materialized"] != "ephemeral"  # part of another model's query, no relation
        and not m["config"]["contract"]["enforced"]
    ]
    assert not wrong


def test_models_hold_no_dialect() -> None:
    wrong = [
        f"{m['name']}: {what}"
        for m in models()
        for what, pattern in DIALECT.items()
        if re.search(pattern, sql_without_jinja_and_comments(m))
    ]
    assert not wrong


def test_every_now_is_as_of() -> None:
    """Neither a model nor a macro of ours asks the wall clock; as_of() is the one place."""
    ours = [m for m in manifest()["macros"].values() if m["package_name"] == "enishi"]
    wrong = [m["name"] for m in models() if re.search(WALL_CLOCK, m["raw_code"].lower())]
    wrong += [m["name"] for m in ours if re.search(WALL_CLOCK, m["macro_sql"].lower())]
    assert not wrong


def test_engine_macros_are_one_function_per_file() -> None:
    """A dispatched macro with its default first, or engines' own forms of a dbt built-in."""
    wrong = []
    for path in sorted((PROJECT / "dbt_project" / "macros" / "engine").glob("*.sql")):
        defined = re.findall(r"macro\s+(\w+)\s*\(", path.read_text())
        forms = {f"{engine}__{path.stem}" for engine in ("default", "duckdb", "spark", "postgres")}
        ours = defined[:2] == [path.stem, f"default__{path.stem}"]
        if not defined or not set(defined[ours:]) <= forms:
            wrong.append(f"{path.name}: {defined}")
    assert not wrong


def test_only_engine_macros_dispatch() -> None:
    dispatching = [
        m["name"]
        for m in manifest()["macros"].values()
        if m["package_name"] == "enishi"
        and "adapter.dispatch" in m["macro_sql"]
        and not m["original_file_path"].startswith("macros/engine/")
    ]
    assert not dispatching


def test_segments_are_named_after_their_file() -> None:
    segments = [m for m in models() if layer(m) == "segments" and m["name"].startswith("segment__")]
    assert len(segments) >= 13
    for model in segments:
        assert model["path"].endswith(f"{model['name']}.sql")


def test_every_sync_model_has_an_exposure_and_the_other_way_round() -> None:
    exposed = {
        parent.rsplit(".", 1)[1]
        for e in manifest()["exposures"].values()
        for parent in e["depends_on"]["nodes"]
    }
    sync_models = {m["name"] for m in models() if layer(m) == "activation"}
    assert exposed == sync_models
    assert all(name.startswith("sync_") for name in sync_models)


def imports(package: str) -> Iterator[tuple[str, str]]:
    for path in sorted((PROJECT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((str(path.relative_to(PROJECT)), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield str(path.relative_to(PROJECT)), node.module


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("identity", ("dagster", "dbt", "activations", "orchestration", "seeds")),
        ("activations", ("dagster", "dbt", "identity", "orchestration", "seeds", "duckdb")),
        ("orchestration", ("tests",)),
        ("seeds", ("activations", "identity", "dagster", "dbt")),
    ],
)
def test_packages_import_only_what_they_may_know(package: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{path} imports {module}"
        for path, module in imports(package)
        if module.split(".")[0] in forbidden
    ]
    assert not wrong


def test_destinations_know_nothing_of_the_warehouse() -> None:
    wrong = [
        f"{path} imports {module}"
        for path, module in imports("activations/destinations")
        if module.startswith("activations.")
        and module.split(".")[1] not in ("destinations", "identifiers")
    ]
    assert not wrong


def test_the_warehouse_is_opened_in_one_place() -> None:
    """Identity works in memory; no other module opens a database file."""
    opening = [
        str(path.relative_to(PROJECT))
        for package in ("orchestration", "activations", "identity")
        for path in (PROJECT / package).rglob("*.py")
        if re.search(r"duckdb\.connect\((?!\)|config=)", path.read_text())
    ]
    assert opening == ["orchestration/warehouse.py"]
