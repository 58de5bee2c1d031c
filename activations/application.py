"""One application of a sync: recover what earlier runs left, plan, deliver, close."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from activations import ledger, outcomes, outgoing
from activations.context import Context, ledger_instance
from activations.deliver import Courier, Delivered
from activations.guards import judge
from activations.intents import write_intents
from activations.lease import Lease, SyncBusy
from activations.ledger import Run
from activations.outgoing import Group, Job, Route
from activations.plan import SyncPlan, stage
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

Progress = Callable[[int, int], None]  # rows done, rows planned
_POLL_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class RunResult:
    """What a run of a sync did; `problems` says what a person should look at."""

    sync: str
    status: str  # succeeded | waiting (for the destination's job) | failed | stopped | busy
    run_id: str | None = None
    plan: SyncPlan | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)  # rows by state
    by_operation: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that could be done was done."""
        return self.status in ("succeeded", "waiting")


def judged_plan(transaction: Warehouse, spec: SyncSpec, context: Context) -> SyncPlan:
    """The staged plan with the verdicts of its guards."""
    plan = stage(transaction, spec, context)
    return replace(plan, guards=judge(transaction, spec, plan, context))


class Application:
    """Holds what one run needs from its first statement to its last.

    Opening the warehouse costs more than a small statement, so outcomes wait for the next
    transaction that is needed anyway. No transaction is open while anything is sent.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        spec: SyncSpec,
        context: Context,
        courier: Courier,
        progress: Progress | None,
    ) -> None:
        self._warehouse = warehouse
        self._spec = spec
        self._context = context
        self._courier = courier
        self._progress = progress
        self._can = context.destinations[spec.destination].capabilities
        self._instance = ledger_instance(spec, context.target(spec))
        self._lease = Lease(spec.name)
        self._pending: list[tuple[str, int, Delivered]] = []  # run, row_no
        self._has_jobs = False
        self._done = 0

    def run(self) -> RunResult:
        """SyncBusy where another process is at work on this sync."""
        jobs = self._take_over()
        try:
            for job in jobs:
                self._poll(job)
            run, route, problem = self._begin(dict.fromkeys(job.run_id for job in jobs))
            if problem:
                return RunResult(
                    run.plan.sync, "stopped", run.run_id, run.plan, problems=(problem,)
                )
            self._deliver(run, route)
            return self._end(run)
        except SyncBusy:
            raise
        except Exception:
            with self._transaction() as transaction:
                self._close_cut_off(transaction, "an error in the code ended the run")
            raise
        finally:
            if self._lease.is_held:
                with self._warehouse.transaction() as transaction:
                    self._lease.release(transaction)

    def _now(self) -> datetime:
        return self._context.clock.now()

    @contextmanager
    def _transaction(self) -> Iterator[Warehouse]:
        """A transaction that first commits the outcomes that have come in."""
        with self._warehouse.transaction() as transaction:
            for run_id in dict.fromkeys(run_id for run_id, _, _ in self._pending):
                rows = ((row_no, d) for of, row_no, d in self._pending if of == run_id)
                outcomes.commit(transaction, run_id, rows, self._now())
            yield transaction
        self._pending = []

    def _take_over(self) -> list[Job]:
        """Take the lease and settle the rows of runs that were cut off; their jobs are open."""
        with self._transaction() as transaction:
            self._lease.acquire(transaction, self._context.clock)
            self._close_cut_off(transaction, "the run was cut off")
            return outgoing.open_jobs(transaction, self._spec.name, self._instance)

    def _close_cut_off(self, transaction: Warehouse, problem: str) -> None:
        for run_id in outcomes.close_cut_off(transaction, self._spec.name, self._now()):
            ledger.finish(transaction, run_id, self._now(), problem)

    def _begin(self, polled_runs: Iterable[str]) -> tuple[Run, Route, str | None]:
        """Plan, ask the guards, and write everything down in one transaction."""
        with self._transaction() as transaction:
            for run_id in polled_runs:
                ledger.finish(transaction, run_id, self._now(), None)
            plan = judged_plan(transaction, self._spec, self._context)
            now = self._now()
            run = Run(f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}", plan, now)
            is_forced = self._context.force_reason is not None
            failed = [v for v in plan.guards if not v.passed and (v.is_final or not is_forced)]
            problem = "; ".join(f"guard {v.guard}: {v.detail}" for v in failed) or None
            ledger.record_run(transaction, run, self._spec, self._context, problem)
            if not problem:
                ledger.record_version(transaction, run, self._spec)
                ledger.record_plan(transaction, run)
                if plan.planned:
                    write_intents(transaction, run, self._spec, self._can)
            return run, outgoing.route(transaction, run.run_id, self._can), problem

    def _deliver(self, run: Run, route: Route) -> None:
        """Old identifiers leave first, then rows arrive, and only then do rows leave."""
        if route.has_withdrawals:
            self._withdraw(run)
        for groups in (route.arrivals, route.departures):
            for first, last in groups:
                if self._courier.stopped:
                    return
                with self._transaction() as transaction:
                    self._lease.renew(transaction, self._context.clock)
                    group = outgoing.take_batches(transaction, run.run_id, first, last, self._now())
                self._send(run, group)
                self._done += len(group.row_nos)
                if self._progress:
                    self._progress(self._done, run.plan.total_changes)
            self._await_jobs(run)

    def _withdraw(self, run: Run) -> None:
        while not self._courier.stopped:
            with self._transaction() as transaction:
                self._lease.renew(transaction, self._context.clock)
                group = outgoing.take_withdrawals(transaction, run.run_id, self._can, self._now())
            if not group.batches:
                break
            self._send(run, group)
        self._await_jobs(run)

    def _send(self, run: Run, group: Group) -> None:
        delivered = self._courier.deliver(group.batches, self._renew)
        self._keep(run.run_id, group, delivered)
        self._has_jobs |= any(d.outcome.job_id for d in delivered)

    def _keep(self, run_id: str, group: Group, delivered: Sequence[Delivered]) -> None:
        self._pending += [(run_id, group.row_nos[d.outcome.key], d) for d in delivered]

    def _renew(self) -> None:
        with self._warehouse.transaction() as transaction:
            self._lease.renew(transaction, self._context.clock)

    def _await_jobs(self, run: Run) -> None:
        """Ask a few times; a job that takes longer is asked again by the next run."""
        for pause in _POLL_PAUSES_S:
            if not self._has_jobs or self._courier.stopped:
                return
            with self._transaction() as transaction:
                jobs = outgoing.open_jobs(transaction, self._spec.name, self._instance, run.run_id)
            self._has_jobs = bool(jobs)
            if jobs:
                self._context.clock.sleep(pause)
            for job in jobs:
                self._poll(job)

    def _poll(self, job: Job) -> None:
        with self._transaction() as transaction:
            self._lease.renew(transaction, self._context.clock)
            group = outgoing.job_rows(transaction, job)
        (rows,) = group.batches
        self._keep(job.run_id, group, self._courier.poll(job.job_id, rows))

    def _end(self, run: Run) -> RunResult:
        now, stopped = self._now(), self._courier.stopped
        with self._transaction() as transaction:
            status = ledger.finish(transaction, run.run_id, now, stopped)
            ledger.record_size(transaction, run, self._context.as_of, now)
            by_operation = ledger.outcomes_by_operation(transaction, run.run_id)
            self._lease.release(transaction)
        counts = {
            state: sum(states.get(state, 0) for states in by_operation.values())
            for state in ledger.OUTCOMES
        }
        problems = [stopped] if stopped else []
        problems += [f"{counts[s]} rows {s}" for s in ("rejected", "in_doubt") if counts[s]]
        return RunResult(
            run.plan.sync, status, run.run_id, run.plan, counts, by_operation, tuple(problems)
        )
