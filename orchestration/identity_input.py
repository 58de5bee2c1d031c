"""What identity reads: the source records that changed, and the decisions that came or ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

import identity
from orchestration.warehouse import DuckDBWarehouse

# Keys may be null, and a key may be there several times: what counts is all of its records.
CONTENT = """
select source, source_id, sum(cast(hash(records) as hugeint)) as content
from identity_inputs.identity_records as records
group by source, source_id
"""
CHANGED = f"""
select
    case when new.content is null then old.source else new.source end as source,
    case when new.content is null then old.source_id else new.source_id end as source_id,
    new.content
from ({CONTENT}) as new
full join identity.resolved_input as old
    on new.source is not distinct from old.source
    and new.source_id is not distinct from old.source_id
where new.content is distinct from old.content
"""
OF_CHANGED = "hash(source, source_id) in (select hash(source, source_id) from changed)"
# A decision that expires changes the outcome although nobody wrote anything.
IN_FORCE = """
select decision_id from identity.decisions
where decided_at <= $1 and (expires_at is null or expires_at > $1)
"""
ASKED = f"""
with turned as (
    (({IN_FORCE}) except (from identity.followed_decisions))
    union all
    ((from identity.followed_decisions) except ({IN_FORCE}))
),
sides as (
    select unnest([source_l, source_r]) as source, unnest([source_id_l, source_id_r]) as source_id
    from identity.decisions semi join turned using (decision_id)
    union all
    select memberships.source, memberships.source_id
    from identity.decisions
    semi join turned using (decision_id)
    inner join identity.memberships using (customer_id)
)
select distinct source, source_id from sides where source is not null
"""


@dataclass(frozen=True)
class Input:
    """Keys of records since the last resolution: `changed`, with a hash of their content that is
    null where they are gone, and `asked` about.
    """

    changed: pa.Table
    asked: pa.Table

    def is_empty(self) -> bool:
        """Whether everything is as it was."""
        return not len(self.changed) and not len(self.asked)


def read_input(warehouse: DuckDBWarehouse, as_of: datetime) -> Input:
    """What changed since the last resolution."""
    return Input(warehouse.arrow(CHANGED), warehouse.arrow(ASKED, [as_of]))


def changed_records(warehouse: DuckDBWarehouse, changed: pa.Table) -> pa.Table:
    """The records, as identity reads them, of keys."""
    with warehouse.registered({"changed": changed}) as con:
        return con.sql(
            f"select * from identity_inputs.identity_records where {OF_CHANGED}"
        ).to_arrow_table()


def earlier(warehouse: DuckDBWarehouse) -> identity.Earlier:
    """Answers to SQL over what the last resolution left in the warehouse."""

    def ask(sql: str, given: Mapping[str, pa.Table]) -> pa.Table:
        with warehouse.registered(given) as con:
            return con.sql(sql).to_arrow_table()

    return ask


def remember_input(transaction: DuckDBWarehouse, as_of: datetime, changed: pa.Table) -> None:
    """Keep what was resolved, to tell next time what changed; within the publication."""
    with transaction.registered({"changed": changed}) as con:
        con.execute(f"delete from identity.resolved_input where {OF_CHANGED}")
        con.execute(
            "insert into identity.resolved_input by name from changed where content is not null"
        )
    transaction.execute("delete from identity.followed_decisions")
    transaction.execute(f"insert into identity.followed_decisions {IN_FORCE}", [as_of])
