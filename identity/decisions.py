"""What stewards decided: which records are one person, which are not, and which keep an id."""

from datetime import datetime

import duckdb
import pyarrow as pa

from identity.rulebook import Rulebook
from identity.schema import DECISIONS, conform

DECISION_KINDS = ("same", "different", "pin")


class DecisionError(ValueError):
    """A decision that cannot be taken, with what contradicts it."""


def check_decision(decision: str, unique_id_l: str | None, unique_id_r: str | None) -> None:
    """Raise DecisionError where the records' unique ids say the opposite."""
    if unique_id_l is None or unique_id_r is None:
        return
    if decision == "same" and unique_id_l != unique_id_r:
        raise DecisionError(
            "the two records have different unique ids, which one person never has: "
            "correct the unique id in the source first"
        )
    if decision == "different" and unique_id_l == unique_id_r:
        raise DecisionError(
            "the two records have the same unique id, which two people never share: "
            "correct the unique id in the source first"
        )


def load_decisions(
    con: duckdb.DuckDBPyConnection, decisions: pa.Table | None, now: datetime, rulebook: Rulebook
) -> None:
    """Create `decided` (rec_l, rec_r, decision) and `pinned` (rec, customer_id).

    Only what holds now: the latest decision on a pair or record that has not expired. Records
    that are gone have no say. Pins to one id are decisions for `same`, pins to two for `different`.
    """
    given = DECISIONS.empty_table() if decisions is None else conform(decisions, DECISIONS)
    con.register("given_decisions", given)
    con.execute(
        f"""
        create table held as
        select distinct on (least(l.rec, r.rec), greatest(l.rec, r.rec), decision = 'pin')
            l.rec as rec, least(l.rec, r.rec) as rec_l, greatest(l.rec, r.rec) as rec_r,
            decision, given_decisions.customer_id,
            {rulebook.other_unique_id} as two_ids, {rulebook.same_unique_id} as one_id
        from given_decisions
        inner join features as l on l.source = source_l and l.source_id = source_id_l
        left join features as r on r.source = source_r and r.source_id = source_id_r
        where decided_at <= $now and (expires_at is null or expires_at > $now)
            and (decision = 'pin' or l.rec <> r.rec)
        order by least(l.rec, r.rec), greatest(l.rec, r.rec), decision = 'pin',
            decided_at desc, decision_id desc
        """,
        {"now": now},
    )
    con.execute(
        """
        create table pinned as select rec, max(customer_id) as customer_id from held
        where decision = 'pin' and customer_id is not null group by rec
        """
    )
    con.execute(
        """
        create table decided as
        with wished as (
            select rec_l, rec_r, decision from held
            where decision <> 'pin' and not coalesce(
                case decision when 'same' then two_ids else one_id end, false
            )
            union all
            select l.rec, r.rec,
                case when l.customer_id = r.customer_id then 'same' else 'different' end
            from pinned as l
            inner join pinned as r on l.rec < r.rec
        )
        select rec_l, rec_r, min(decision) as decision from wished group by rec_l, rec_r
        """
    )
