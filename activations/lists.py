"""Mode rebuild: a new list is filled beside the one in use, and takes its place once it is whole.

Nothing is in doubt in this mode: what is not confirmed as a whole list counts as not sent, and a
list that nobody will use is deleted, by this run or by the next.
"""

from dataclasses import replace
from datetime import datetime

from activations import outcomes
from activations.deliver import Delivered
from activations.destinations.base import State
from activations.outgoing import Job
from activations.warehouse import Warehouse

_INCOMPLETE = "the new list was not completed"


def begin(transaction: Warehouse, run_id: str, sync: str, instance: str, now: datetime) -> None:
    """Written before the first request, so that a list without an answer is known of."""
    transaction.execute(
        "insert into activation.list_version values (?, ?, null, ?, 'creating', ?, ?)",
        [sync, instance, run_id, now, now],
    )


def created(transaction: Warehouse, run_id: str, list_id: str, now: datetime) -> None:
    """The destination has given the new list its id."""
    transaction.execute(
        "update activation.list_version set list_id = ?, state = 'filling', changed_at = ? "
        "where run_id = ?",
        [list_id, now, run_id],
    )


def close(transaction: Warehouse, run_id: str, now: datetime) -> bool:
    """All rows have been handed over: whether the list is whole, and waits to be ready.

    Rows that leave have no request of their own: they are gone when the list is in use.
    """
    missing = transaction.value(
        """
        select count(*) from activation.intent
        where run_id = ? and operation <> 'remove' and state <> 'rejected'
            and not (state = 'deferred' and job_id is not null)
        """,
        [run_id],
    )
    list_id = transaction.value(
        "select list_id from activation.list_version where run_id = ?", [run_id]
    )
    if missing or list_id is None:
        _abandon(transaction, run_id, now)
        return False
    transaction.execute(
        "update activation.intent set state = 'deferred', job_id = ? "
        "where run_id = ? and operation = 'remove' and state = 'planned'",
        [list_id, run_id],
    )
    _mark(transaction, run_id, "filled", now)
    return True


def failed_as_one(delivered: Delivered) -> Delivered:
    """A list of which no row was taken is no verdict on its rows: they are sent again."""
    if any(outcome.state in (State.ACKED, State.DEFERRED) for outcome in delivered.outcomes):
        return delivered
    outcomes = [replace(o, state=State.DEFERRED, job_id=None) for o in delivered.outcomes]
    return delivered._replace(outcomes=outcomes)


def settle(transaction: Warehouse, job: Job, sync: str, instance: str, now: datetime) -> None:
    """After a poll: the list takes the place of the one in use, is given up, or is waited for."""
    (rows,) = transaction.rows(
        """
        select
            coalesce(sum(case when state = 'acked' then 1 else 0 end), 0) as acked,
            coalesce(sum(case when job_id is not null and state = 'deferred' then 1 end), 0) as open
        from activation.intent
        where run_id = ?
        """,
        [job.run_id],
    )
    if rows["open"]:
        return
    if not rows["acked"]:
        _abandon(transaction, job.run_id, now)
        return
    retire(transaction, sync, instance, now)
    _mark(transaction, job.run_id, "current", now)
    transaction.execute(
        "delete from activation.acknowledged where sync = ? and instance = ? and run_id <> ?",
        [sync, instance, job.run_id],
    )


def retire(transaction: Warehouse, sync: str, instance: str, now: datetime) -> None:
    """The list in use is used no more."""
    transaction.execute(
        "update activation.list_version set state = 'retired', changed_at = ? "
        "where sync = ? and instance = ? and state = 'current'",
        [now, sync, instance],
    )


def all_left(transaction: Warehouse, run_id: str, now: datetime) -> None:
    """The audience is empty, and its list is gone: the rows that leave have left."""
    outcomes.stage_outcomes(transaction)
    transaction.execute(
        """
        insert into outcome by name
        select row_no, 'acked' as state, 0 as attempts
        from activation.intent
        where run_id = ? and operation = 'remove' and state = 'planned'
        """,
        [run_id],
    )
    outcomes.settle(transaction, run_id, now)


def abandon_cut_off(transaction: Warehouse, sync: str, instance: str, now: datetime) -> None:
    """Give up what a run that was cut off has begun. Needs the lease."""
    for row in transaction.rows(
        "select run_id from activation.list_version "
        "where sync = ? and instance = ? and state in ('creating', 'filling')",
        [sync, instance],
    ):
        _abandon(transaction, row["run_id"], now)


def useless(transaction: Warehouse, sync: str, instance: str) -> list[str]:
    """The lists to be deleted."""
    rows = transaction.rows(
        "select list_id from activation.list_version where sync = ? and instance = ? "
        "and state in ('abandoned', 'retired') order by created_at",
        [sync, instance],
    )
    return [row["list_id"] for row in rows]


def discarded(transaction: Warehouse, list_id: str, now: datetime) -> None:
    """The destination has deleted a list."""
    transaction.execute(
        "update activation.list_version set state = 'discarded', changed_at = ? where list_id = ?",
        [now, list_id],
    )


def _abandon(transaction: Warehouse, run_id: str, now: datetime) -> None:
    transaction.execute(
        """
        update activation.list_version
        set state = case when list_id is null then 'unknown' else 'abandoned' end, changed_at = ?
        where run_id = ?
        """,
        [now, run_id],
    )
    transaction.execute(
        """
        update activation.intent
        set state = 'deferred', job_id = null, reason = coalesce(reason, ?), finished_at = ?
        where run_id = ? and state in ('planned', 'sent', 'in_doubt', 'deferred')
        """,
        [_INCOMPLETE, now, run_id],
    )


def _mark(transaction: Warehouse, run_id: str, state: str, now: datetime) -> None:
    transaction.execute(
        "update activation.list_version set state = ?, changed_at = ? where run_id = ?",
        [state, now, run_id],
    )
