"""What changes reach is resolved again, and only that; the outcome is a full resolution's."""

import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import identity
from identity.schema import RECORDS_IN
from orchestration.identities import forget_records, last_metrics, resolve_identities
from orchestration.stewardship import decide
from orchestration.warehouse import DuckDBWarehouse
from tests.identity_kit import HANAKO, LATER, NOW, keep
from tests.identity_kit import table as records_of
from tests.test_identity_dirt import cards, members, people
from tests.test_identity_stewardship import current, land

PUBLISHED = (
    *("customer_records", "records", "edges", "review_queue", "customer_ids", "contacts"),
    *("unusable_values", "quarantine"),
)
SHOP = {"phone": "090-0000-1111"}
Rows = dict[str, dict]


@pytest.fixture(scope="module")
def model() -> identity.Model:
    """Learned from other people than those of the tests."""
    known = people(1_500, seed=12)
    rows = pl.concat([members(known), cards(known)], how="diagonal")
    learned = identity.train_model(rows.to_arrow(), now=NOW)
    assert learned is not None
    return learned


def land_rows(warehouse: DuckDBWarehouse, rows: Rows) -> pa.Table:
    records = pa.Table.from_pylist(list(rows.values()), schema=RECORDS_IN)
    land(warehouse, records)
    return records


def world(person_count: int) -> Rows:
    known = people(person_count, seed=31)
    number = pl.col("source_id").str.slice(1)
    rows = pl.concat([members(known), cards(known)], how="diagonal").with_columns(
        unique_id=pl.when(number.cast(pl.Int64) % 5 == 0).then(number)
    )
    return {row["source_id"]: row for row in rows.to_dicts()}


def batches(count: int, person_count: int) -> Iterator[Rows]:
    """The records that exist after each batch of new, corrected, late and deleted ones."""
    every = world(person_count)
    dice = random.Random(5)
    late = set(dice.sample(sorted(every), k=len(every) // 5))
    held = {key: row for key, row in every.items() if key not in late}
    few = max(len(every) // 60, 3)
    yield dict(held)
    for number in range(count):
        gone = dice.sample(sorted(held), k=few)
        late |= set(gone)
        for key in gone:
            del held[key]
        for key in dice.sample(sorted(late), k=few):
            late.discard(key)
            held[key] = every[key]
        for key in dice.sample(sorted(held), k=2 * few):
            held[key] = held[key] | changed(every, dice, number)
        yield dict(held)


def changed(every: Rows, dice: random.Random, number: int) -> dict:
    """What comes in a corrected record: nothing, another's, or a number that becomes a shop's."""
    other = every[dice.choice(sorted(every))]
    taken = [
        {"birth_on": None, "phone": None},
        {field: other[field] for field in ("phone", "postal_code")},
        {"address": other.get("address"), "email": other.get("email")},
        {"last_name": other.get("last_name"), "last_name_kana": other.get("last_name_kana")},
        {"phone": other["phone"], "full_name_kana": other.get("full_name_kana")},
        {"unique_id": other["unique_id"], "email": other.get("email")},
    ]
    return SHOP if number % 4 < 2 and dice.random() < 0.6 else dice.choice(taken)


def published(warehouse: DuckDBWarehouse, table: str) -> list[tuple]:
    return tidy(kept_rows(warehouse, table))


def kept_rows(warehouse: DuckDBWarehouse, table: str) -> list[dict]:
    rows = warehouse.rows(f"select * from identity.{table}")
    return [{k: v for k, v in row.items() if k not in ("stage", "raw_row", "file")} for row in rows]


def tidy(rows: list[dict]) -> list[tuple]:
    """Rows in one order, without when they were written."""
    kept = [{k: v for k, v in row.items() if k not in ("loaded_at", "occurred_at")} for row in rows]
    return sorted((tuple(sorted(row.items())) for row in kept), key=repr)


def steward(warehouse: DuckDBWarehouse, dice: random.Random, now) -> None:
    """Decide about a pair of the queue, or pin a record to somebody else's id."""
    queue = warehouse.rows("select * from identity.review_queue order by all")
    if queue and dice.random() < 0.7:
        row = dice.choice(queue)
        pair = [f"{row[f'source_{side}']}:{row[f'source_id_{side}']}" for side in "lr"]
        word = dice.choice(["same", "different"])
    else:
        some = warehouse.rows("select * from identity.customer_records order by all")
        pair = [f"{one['source']}:{one['source_id']}" for one in dice.sample(some, k=2)]
        word = "pin"
        pair[1] = dice.choice(some)["customer_id"]
    until = dice.choice([None, now + timedelta(days=2)])
    decide(warehouse, word, *pair, "aya", "looked at both", now, until)


def assert_like_full_runs(
    warehouse: DuckDBWarehouse, model: identity.Model, states: Iterator[Rows]
) -> None:
    keep(warehouse, model)
    land_rows(warehouse, next(states))
    resolve_identities(warehouse, NOW)
    dice = random.Random(11)
    reached = 0
    for day, state in enumerate(states, 1):
        now = NOW + timedelta(days=day)
        steward(warehouse, dice, now)
        records = land_rows(warehouse, state)
        ids = "select distinct source, source_id, customer_id from identity.memberships"
        whole = identity.resolve(
            records,
            warehouse.arrow("select * from identity.customer_records"),
            now=now,
            issued=warehouse.arrow(ids),
            decisions=warehouse.arrow("select * from identity.decisions"),
            model=model,
        )
        said: list[str] = []
        resolve_identities(warehouse, now, said.append)
        (reach,) = [message for message in said if "changes reach" in message]
        reached += int(reach.split()[1].replace(",", ""))
        for table in PUBLISHED:
            assert published(warehouse, table) == tidy(getattr(whole, table).to_pylist()), table
        told = warehouse.rows("select * from identity.identity_events where occurred_at = ?", [now])
        assert tidy(told) == tidy(whole.identity_events.to_pylist())
    assert 0 < reached < 0.5 * day * len(state)


def test_batches_of_changes_publish_what_full_runs_would(warehouse, model):
    assert_like_full_runs(warehouse, model, batches(4, 200))


@pytest.mark.replay
def test_thirty_batches_of_changes_publish_what_full_runs_would(warehouse, model):
    assert_like_full_runs(warehouse, model, batches(30, 1_500))


MAIL, MOBILE = {"email": "hanako@mail.example"}, {"phone": "090-0123-4567"}
NAME = {"last_name": HANAKO["last_name"], "first_name": HANAKO["first_name"]}
BRIDGE = ({"source_id": "B0"} | MAIL | MOBILE, {"source_id": "B1"} | MAIL)
BRIDGE += ({"source_id": "B2"} | MOBILE,)
FEW = world(60) | {
    row["source_id"]: row for row in records_of(*(NAME | one for one in BRIDGE)).to_pylist()
}


@pytest.fixture(scope="module")
def resolved_few(model: identity.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("few") / "original.duckdb")
    keep(warehouse, model)
    land_rows(warehouse, FEW)
    resolve_identities(warehouse, NOW)
    return warehouse.path


@pytest.fixture
def few(resolved_few: Path, tmp_path: Path) -> DuckDBWarehouse:
    """Two records that only a third holds together, among others."""
    return DuckDBWarehouse(shutil.copy(resolved_few, tmp_path / "warehouse.duckdb"))


def test_an_erased_record_is_gone_everywhere_and_its_customer_is_found_anew(few):
    before = current(few)
    assert before["B0"] == before["B1"] == before["B2"]
    land_rows(few, {key: row for key, row in FEW.items() if key != "B0"})
    said: list[str] = []
    resolve_identities(few, LATER, said.append)
    assert "resolving 2 records that 1 changes reach" in said
    after = current(few)
    assert after["B1"] != after["B2"]
    assert before["B0"] in (after["B1"], after["B2"])
    others = set(after) - {"B1", "B2"}
    assert {key: after[key] for key in others} == {key: before[key] for key in others}
    for kept in (*PUBLISHED, "prepared", "record_index", "resolved_input"):
        assert "'B0'" not in str(few.rows(f"select * from identity.{kept}"))


def test_who_is_forgotten_is_gone_and_those_left_behind_are_found_anew(few):
    crowd = [
        {"source_id": f"P{n}", "first_name": name} | SHOP for n, name in enumerate("赤青黄緑紫白")
    ]
    couple = [
        {"source_id": f"Q{n}", "last_name": "東", "first_name": "桃"} | SHOP for n in range(2)
    ]
    rows = FEW | {row["source_id"]: row for row in records_of(*crowd, *couple).to_pylist()}
    land_rows(few, rows)
    resolve_identities(few, LATER)
    before = current(few)
    assert before["Q0"] != before["Q1"]  # seven share the number: it is a shop's
    assert forget_records(few, [before["P0"]], LATER) == 1
    after = current(few)
    assert after["Q0"] == after["Q1"]  # a household's of six
    assert "P0" not in after
    assert after == {key: before[key] for key in after} | {"Q0": after["Q0"], "Q1": after["Q0"]}
    for kept in (*PUBLISHED, "prepared", "record_index", "resolved_input"):
        assert "'P0'" not in str(few.rows(f"select * from identity.{kept}"))


def test_a_record_too_many_parts_those_that_agree_and_one_less_joins_them_as_in_a_full_run(
    few, model
):
    made_up = NAME | {"birth_on": date(1990, 1, 1)}
    for count in (20, 21, 20):
        crowd = [{"source_id": f"P{n:02}"} | made_up for n in range(count)]
        records = land_rows(
            few, FEW | {row["source_id"]: row for row in records_of(*crowd).to_pylist()}
        )
        earlier = few.arrow(
            "select distinct source, source_id, customer_id from identity.memberships"
        )
        whole = identity.resolve(
            records,
            few.arrow("select * from identity.customer_records"),
            now=LATER,
            issued=earlier,
            model=model,
        )
        resolve_identities(few, LATER)
        for table in PUBLISHED:
            assert published(few, table) == tidy(getattr(whole, table).to_pylist()), table
        now = current(few)
        assert len({now[row["source_id"]] for row in crowd}) == (1 if count == 20 else 21)


def test_changes_are_measured_as_all_records_are(few):
    land_rows(few, {key: row for key, row in FEW.items() if key not in ("B0", "M7")})
    resolve_identities(few, LATER)
    found = last_metrics(few)
    few.execute("delete from identity.resolution")
    resolve_identities(few, LATER)
    missed = "expected links the model missed"  # only all candidate pairs tell
    again = last_metrics(few) | {missed: found[missed]}
    assert found == pytest.approx(again)


def test_a_publication_that_fails_leaves_the_earlier_one_whole(few):
    tables = (*PUBLISHED, "memberships", "identity_events", "prepared", "record_index", "metrics")
    before = {table: published(few, table) for table in tables}
    few.execute(
        "create table kept as from identity.resolved_input; drop table identity.resolved_input; "
        "create view identity.resolved_input as from kept"
    )
    land_rows(few, {key: row for key, row in FEW.items() if key != "B0"})
    with pytest.raises(duckdb.Error):
        resolve_identities(few, LATER)
    assert {table: published(few, table) for table in tables} == before


def test_where_much_changed_all_records_are_resolved(few):
    land_rows(few, {key: row | {"phone": None} for key, row in FEW.items()})
    said: list[str] = []
    resolve_identities(few, LATER, said.append)
    assert f"cleaning {len(FEW)} source records" in said


def test_keys_that_are_missing_or_twice_there_are_set_aside_as_in_a_full_run(few, model):
    twice = FEW["M3"] | {"updated_at": LATER, "phone": None}
    records = pa.Table.from_pylist(
        [*FEW.values(), twice, {"source": "crm_members"} | MAIL], schema=RECORDS_IN
    )
    for landed in (records, records.slice(0, len(FEW))):
        land(few, landed)
        resolve_identities(few, LATER)
        whole = identity.resolve(landed, now=LATER, model=model)
        for table in ("quarantine", "records"):
            rows = [row | {"customer_id": None} for row in getattr(whole, table).to_pylist()]
            found = [row | {"customer_id": None} for row in kept_rows(few, table)]
            assert tidy(found) == tidy(rows)
