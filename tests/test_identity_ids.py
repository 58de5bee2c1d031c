"""Properties of customer ids over any history of clusters: durable, unique, never lost."""

from collections import Counter

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.durable import assign_ids, find_events, register_ids

RECORDS = 7
# For each record the group it is in, None while it does not exist
partitions = st.lists(st.none() | st.integers(0, 3), min_size=RECORDS, max_size=RECORDS)
histories = st.lists(partitions, min_size=2, max_size=4)
Ids = dict[int, str]
# One database for all examples; each is rolled back
CON = duckdb.connect(config={"threads": 1})


def run(groups: list[int | None], previous: Ids, issued: set[tuple[int, str]]) -> tuple:
    """One run's ids by record, events and registry."""
    CON.execute("begin")
    try:
        return _run(CON, groups, previous, issued)
    finally:
        CON.execute("rollback")


def _run(
    con: duckdb.DuckDBPyConnection,
    groups: list[int | None],
    previous: Ids,
    issued: set[tuple[int, str]],
) -> tuple:
    living = [record for record in range(RECORDS) if groups[record] is not None]
    first = {groups[record]: record for record in reversed(living)}
    text = pl.Series(living, dtype=pl.Int64).cast(pl.String)
    con.register("records", pl.DataFrame({"rec": living, "source_id": text}).to_arrow())
    con.execute("create table features as select rec, 's' as source, source_id from records")
    heads = [first[groups[record]] for record in living]
    table = pl.DataFrame({"rec": living, "cluster": heads}, {"rec": pl.Int64, "cluster": pl.Int64})
    con.register("grouped", table.to_arrow())
    con.execute("create table clusters as select * from grouped")
    con.execute("create table pinned (rec bigint, customer_id varchar)")
    for name, rows in (("previous", previous.items()), ("issued", issued)):
        con.execute(f"create table {name} (source varchar, source_id varchar, customer_id varchar)")
        for record, customer_id in rows:
            con.execute(f"insert into {name} values ('s', ?, ?)", [str(record), customer_id])
    assign_ids(con)
    find_events(con)
    register_ids(con)
    ids = dict(
        con.execute(
            "select rec, customer_id from clusters inner join assigned using (cluster)"
        ).fetchall()
    )
    events = con.execute("select event, customer_id, previous_customer_id from events").fetchall()
    registry = {row[0]: row[1:] for row in con.execute("select * from registry").fetchall()}
    return ids, events, registry


def replay(history: list) -> list[tuple]:
    """All runs of a history; each knows what was issued before."""
    previous: Ids = {}
    issued: set[tuple[int, str]] = set()
    runs = []
    for groups in history:
        ids, events, registry = run(groups, previous, issued)
        issued |= set(ids.items())
        runs.append((ids, events, registry, set(issued)))
        previous = ids
    return runs


@settings(max_examples=8, deadline=None)
@given(histories)
def test_each_customer_has_one_id_and_each_id_one_customer(history):
    for groups, (ids, *_) in zip(history, replay(history), strict=True):
        living = {record: group for record, group in enumerate(groups) if group is not None}
        assert set(ids) == set(living)
        pairs = {(living[record], customer_id) for record, customer_id in ids.items()}
        assert len(pairs) == len(set(living.values())) == len(set(ids.values()))


@settings(max_examples=8, deadline=None)
@given(histories)
def test_the_same_partition_changes_no_id_and_makes_no_event(history):
    ids, _, _, issued = replay(history)[-1]
    renamed = [None if group is None else 3 - group for group in history[-1]]
    again, events, _ = run(renamed, ids, issued)
    assert again == ids
    assert events == []


@settings(max_examples=8, deadline=None)
@given(histories)
def test_an_id_is_never_given_to_people_who_never_had_it(history):
    earlier: set[tuple[int, str]] = set()
    for ids, _, _, issued in replay(history):
        known = {customer_id for _, customer_id in earlier}
        for customer_id in set(ids.values()) & known:
            members = {record for record, one in ids.items() if one == customer_id}
            assert any((record, customer_id) in earlier for record in members)
        earlier = issued


@settings(max_examples=8, deadline=None)
@given(histories)
def test_every_id_ever_issued_stands_for_somebody_who_has_its_records(history):
    for ids, _, registry, issued in replay(history):
        assert set(registry) == {customer_id for _, customer_id in issued}
        for customer_id, (status, stands_for) in registry.items():
            heirs = {ids[record] for record, one in issued if one == customer_id and record in ids}
            if customer_id in ids.values():
                assert (status, stands_for) == ("active", customer_id)
            elif heirs:
                assert status == "merged"
                assert stands_for in heirs
            else:
                assert (status, stands_for) == ("retired", None)


@settings(max_examples=8, deadline=None)
@given(histories)
def test_an_id_stays_where_most_of_its_records_are_unless_a_larger_one_is_there(history):
    previous: Ids = {}
    for ids, *_ in replay(history):
        shares = Counter((previous[record], ids[record]) for record in ids if record in previous)
        for (before, after), count in shares.items():
            best_of_before = all(
                n < count for (b, a), n in shares.items() if b == before and a != after
            )
            best_of_after = all(
                n < count for (b, a), n in shares.items() if a == after and b != before
            )
            if best_of_before and best_of_after:
                assert before == after
        previous = ids


@settings(max_examples=8, deadline=None)
@given(partitions)
def test_merging_all_and_parting_again_returns_every_id(groups):
    together = [None if group is None else 0 for group in groups]
    runs = replay([groups, together, groups])
    assert runs[2][0] == runs[0][0]


@settings(max_examples=8, deadline=None)
@given(histories)
def test_every_changed_id_has_an_event(history):
    previous: Ids = {}
    for ids, events, *_ in replay(history):
        told = {customer_id for _, customer_id, _ in events}
        for record, customer_id in ids.items():
            if previous.get(record) != customer_id and record in previous:
                assert customer_id in told
        previous = ids
