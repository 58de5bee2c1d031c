"""The demo's raw files: reproducible, in the contract's shape, with a second day that matters."""

import filecmp
import re
from functools import cache
from pathlib import Path

import polars as pl
import pytest
import yaml

from seeds.generator.__main__ import main
from seeds.generator.dice import LAST_DAY, NOW, at, days
from seeds.generator.orders import Tables
from seeds.generator.world import make_world

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "seeds" / "demo"
FIRST, SECOND = "2026-10-30.csv", "2026-10-31.csv"
col = pl.col


@pytest.fixture(scope="module")
def world() -> Tables:
    return {name: rows.lazy().collect() for name, rows in make_world(400, seed=1).items()}


@cache
def contract() -> dict[str, dict]:
    sources = ROOT / "dbt_project" / "models" / "staging" / "_raw__sources.yml"
    tables = yaml.safe_load(sources.read_text(encoding="utf-8"))["sources"][0]["tables"]
    return {table["name"]: table for table in tables}


def raw(table: str, day: str) -> pl.DataFrame:
    return pl.read_csv(DEMO / table / day, infer_schema=False)


def news(world: Tables, table: str) -> pl.DataFrame:
    return world[table].filter(col("_at") >= at(LAST_DAY))


def orders(world: Tables) -> pl.DataFrame:
    tables = ("ec_orders", "pos_receipts", "mail_orders")
    known = pl.concat(world[name].select("_person", "_at") for name in tables)
    return known.drop_nulls()


def test_regenerated_demo_equals_the_committed_files(tmp_path: Path) -> None:
    main(["--out", str(tmp_path)])
    committed, made = (
        sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        for folder in (DEMO, tmp_path)
    )
    assert made == committed
    _, different, unreadable = filecmp.cmpfiles(DEMO, tmp_path, made, shallow=False)
    assert (different, unreadable) == ([], [])


def test_demo_is_small_enough_to_commit() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*.csv")) < 2_500_000


@pytest.mark.parametrize("table", sorted(set(contract()) - {"message_events"}))
def test_every_table_has_rows_and_the_columns_of_the_contract(table: str) -> None:
    columns = {column["name"] for column in contract()[table]["columns"]}
    assert raw(table, FIRST).height > 0
    for path in (DEMO / table).iterdir():
        assert set(raw(table, path.name).columns) - {"_deleted"} == columns


@pytest.mark.parametrize("table", sorted(path.parent.name for path in DEMO.glob(f"*/{SECOND}")))
def test_second_day_holds_only_news(table: str) -> None:
    meta = contract()[table]["config"]["meta"]
    first, second = raw(table, FIRST), raw(table, SECOND)
    if meta["kind"] == "event":
        known_at = meta.get("received", meta["time"])
        assert first[known_at].max() < "2026-10-31" <= second[known_at].min()
        assert second[known_at].max() < "2026-11-01"
    repeated = second.join(first, on=first.columns, how="semi", nulls_equal=True)
    erased = second.filter(col("_deleted") == "true") if "_deleted" in second.columns else []
    assert len(repeated) == len(erased)


def test_last_day_moves_people_into_and_out_of_time_windows(world: Tables) -> None:
    def within(moment, span: int) -> set[int]:
        latest = orders(world).filter(col("_at") < at(moment)).group_by("_person").max()
        return set(latest.filter(col("_at") >= at(moment - days(span)))["_person"])

    for span in (90, 180):
        before, after = within(LAST_DAY, span), within(NOW, span)
        assert after - before
        assert before - after


def test_somebody_with_one_recent_order_buys_a_second_time(world: Tables) -> None:
    before = orders(world).filter(col("_at") < at(LAST_DAY)).group_by("_person")
    once = before.agg(pl.len(), col("_at").max()).filter(
        col("len") == 1, col("_at") > at(LAST_DAY - days(60))
    )
    today = orders(world).filter(col("_at") >= at(LAST_DAY))
    assert set(once["_person"]) & set(today["_person"])


def test_carts_are_left_behind_on_both_days(world: Tables) -> None:
    events = world["web_events"]
    bought = events.filter(col("event_name") == "purchase")["session_id"]
    left = events.filter(
        col("event_name") == "add_to_cart", ~col("session_id").is_in(bought.implode())
    )
    known = events.filter(col("user_id").is_not_null())["session_id"]
    days_with_carts = left.filter(col("session_id").is_in(known.implode()))["event_ts"].dt.date()
    assert {LAST_DAY.item().date(), (LAST_DAY - days(1)).item().date()} <= set(days_with_carts)


def test_new_member_turns_two_customers_into_one(world: Tables) -> None:
    joined = world["crm_members"].filter(col("registered_at") >= at(LAST_DAY))
    tied = (
        joined.join(world["pos_cards"], left_on="phone", right_on="tel", suffix="_card")
        .join(world["ec_accounts"], on="email", suffix="_account")
        .filter(
            col("email_card").is_null() & col("birth_ymd").is_null() & col("address").is_null(),
            col("tel").is_null() & col("member_id_account").is_null(),
        )
    )
    assert tied.height > 0
    assert (tied["_person"] == tied["_person_card"]).all()
    assert (tied["_person"] == tied["_person_account"]).all()


def test_last_day_withdraws_consents_and_changes_and_erases_records(world: Tables) -> None:
    consents = world["consent_events"].filter(col("occurred_at") >= at(LAST_DAY))
    assert "opt_out" in set(consents["action"])
    events = world["email_events"].filter(col("event_ts") >= at(LAST_DAY))
    assert "unsubscribe" in set(events["event_type"])
    changes = news(world, "crm_members")
    known = world["crm_members"].filter(col("_at").is_null())
    moved = changes.join(known, on="member_id", suffix="_before")
    assert (moved["email"] != moved["email_before"]).any()
    for table in ("crm_members", "line_friends"):
        assert news(world, table)["_deleted"].any()
    assert news(world, "subscriptions").height > 0


def test_some_events_arrive_late_and_some_twice(world: Tables) -> None:
    events = world["web_events"]
    assert events["event_id"].is_duplicated().any()
    late = events.filter(col("received_at") >= at(LAST_DAY), col("event_ts") < at(LAST_DAY))
    assert late.height > 0


def test_nobody_can_be_reached() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in DEMO.rglob("*.csv"))
    hosts = re.findall(r"[\w.+-]+@([\w.-]+)", text)
    assert hosts
    assert all(host.lower().endswith(".example") for host in hosts)
    mobiles = re.findall(r"(?<![\w-])0[789]0-?\d{4}-?\d{4}(?![\w-])", text)
    assert mobiles
    assert all(re.match(r"0[79]0-?0", mobile) for mobile in mobiles)


def test_large_world_is_one_file_per_table_with_its_truth(tmp_path: Path) -> None:
    raw_folder, truth_folder = tmp_path / "raw", tmp_path / "truth"
    arguments = ["--people", "3000", "--days", "1", "--format", "parquet", "--seed", "5"]
    main([*arguments, "--out", str(raw_folder), "--truth", str(truth_folder)])
    assert {path.stem for path in raw_folder.iterdir()} == set(contract()) - {"message_events"}
    truth = pl.read_parquet(truth_folder / "records.parquet")
    for table in ("pos_cards", "line_friends", "subscriptions", "stock"):
        ids = pl.read_parquet(raw_folder / f"{table}.parquet").to_series(0)
        assert ids.is_unique().all()
        if table in ("pos_cards", "line_friends"):
            assert set(ids) == set(truth.filter(source=table)["source_id"])
