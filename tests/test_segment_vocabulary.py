"""The words in which segments are written: what each selects, and what is refused."""

from datetime import datetime

import pytest

from orchestration.warehouse import DuckDBWarehouse
from tests.dbt_kit import compiled, query_of

AS_OF = datetime(2026, 10, 31, 12)
WORLD = """
create schema marts;
create schema segments;
create table marts.customers as
    select unnest(['twice', 'once', 'long_ago', 'never']) as customer_id;
create table marts.customer_events as
    select * from (values
        ('twice', 'order', timestamp '2026-10-31 11:00:00', '{"channel":"ec"}'),
        ('twice', 'order', timestamp '2026-10-24 12:00:00', '{"channel":"pos"}'),
        ('once', 'order', timestamp '2026-10-24 11:59:59', '{"channel":"ec"}'),
        ('long_ago', 'order', timestamp '2020-01-01 00:00:00', '{"channel":"ec"}'),
        ('never', 'visit', timestamp '2026-10-31 11:00:00', '{}')
    ) as events (customer_id, event, occurred_at, properties);
create table segments.segment__vip as select unnest(['twice', 'once']) as customer_id;
"""
HISTORY = """
create table segments.segment_membership as
    select * from (values
        ('vip', 'twice', timestamp '2026-10-24 12:00:00', null),
        ('vip', 'once', timestamp '2026-10-24 12:00:01', null),
        ('vip', 'long_ago', timestamp '2020-01-01 00:00:00', timestamp '2021-01-01 00:00:00')
    ) as history (segment, customer_id, valid_from, valid_to)
"""
SELECTED = {
    "performed('order')": {"twice", "once", "long_ago"},
    "performed('order', times='>=2')": {"twice"},
    "performed('order', times='=1')": {"once", "long_ago"},
    "performed('order', times='>1')": {"twice"},
    "performed('order', times='=0')": {"never"},
    "performed('order', times='<2')": {"once", "long_ago", "never"},
    "performed('order', times='<=1', within='7d')": {"once", "long_ago", "never"},
    "performed('order', within='7d')": {"twice"},
    "performed('order', within='1h')": {"twice"},
    "performed('order', before='1w')": {"once", "long_ago"},
    "performed('order', where=property('channel') ~ \" = 'pos'\")": {"twice"},
    "last_performed('order', within='7d')": {"twice"},
    "last_performed('order', before='7d')": {"once", "long_ago"},
    "last_performed('order', before='7d', within='30d')": {"once"},
    "has_been('vip', at_least='7d')": {"twice"},
}


@pytest.fixture
def world(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch) -> DuckDBWarehouse:
    monkeypatch.setenv("ENISHI_WAREHOUSE", str(warehouse.path))
    warehouse.execute(WORLD)
    return warehouse


def selected(world: DuckDBWarehouse, *conditions: str) -> dict[str, set[str]]:
    """The customers that each condition selects."""
    sql = "\nunion all\n".join(
        f"select {number} as number, customer_id from {{{{ ref('customers') }}}} "
        f"where {{{{ {condition} }}}}"
        for number, condition in enumerate(conditions)
    )
    query = query_of(compiled(sql, AS_OF))
    found: dict[str, set[str]] = {condition: set() for condition in conditions}
    for row in world.rows(query):
        found[conditions[row["number"]]].add(row["customer_id"])
    return found


def test_every_word_selects_whom_it_says(world: DuckDBWarehouse) -> None:
    world.execute(HISTORY)
    assert selected(world, *SELECTED) == SELECTED


def test_nobody_has_been_anywhere_before_the_first_history(world: DuckDBWarehouse) -> None:
    condition = "has_been('vip', at_least='1d')"
    assert selected(world, condition) == {condition: set()}


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("performed('order', within='3 months')", "3 months is no duration"),
        ("performed('order', times='twice')", "twice is no count"),
        ("last_performed('order')", "needs within or before"),
    ],
)
def test_what_is_no_condition_is_refused_with_advice(
    world: DuckDBWarehouse, condition: str, advice: str
) -> None:
    result = compiled(f"select 1 where {{{{ {condition} }}}}", AS_OF)
    assert not result.success
    assert advice in str(result.exception.__context__)
