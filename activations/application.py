"""One application of a sync: recover what earlier runs left, plan, deliver, close."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from uuid import uuid4

from activations import ledger, lists, outcomes, outgoing, stops
from activations.context import Context, ledger_instance
from activations.deliver import Courier
from activations.intents import write_intents
from activations.journal import Journal
from activations.judged import judged_plan
from activations.last_mile import without_withdrawn
from activations.lease import Lease, SyncBusy
from activations.ledger import Run
from activations.outgoing import Group, Job, Route
from activations.plan import SyncPlan
from activations.results import RunResult
from activations.sealed import drift
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

Progress = Callable[[int, int], None]  # rows done, rows planned
_POLL_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0)


class Application:
    """Holds what one run needs from its first statement to its last.

    No transaction is open while anything is sent.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        spec: SyncSpec,
        context: Context,
        courier: Courier,
        progress: Progress | None,
        revert_to: str | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._spec = spec
        self._context = context
        self._courier = courier
        self._progress = progress
        self._revert_to = revert_to
        self._can = context.destinations[spec.destination].capabilities
        self._instance = ledger_instance(spec, context.target(spec))
        self._lease = Lease(spec.name)
        self._journal = Journal(warehouse, context.clock)
        self._is_rebuild = spec.mode == "rebuild"
        self._has_jobs = False
        self._done = 0
        self._problems: list[str] = []
        self._open = ExitStack()  # holds the warehouse open until something is sent

    def run(self) -> RunResult:
        """SyncBusy where another process is at work on this sync."""
        self._open.enter_context(self._warehouse.held())
        with self._open:
            return self._run()

    def _run(self) -> RunResult:
        jobs = self._take_over()
        try:
            if self._courier.stopped:
                return RunResult(self._spec.name, "stopped", problems=(self._courier.stopped,))
            for job in jobs:
                self._poll(job)
            self._discard_lists()
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
            with self._journal.transaction() as transaction:
                self._close_cut_off(transaction, "an error in the code ended the run")
            raise
        finally:
            if self._lease.is_held:
                with self._warehouse.transaction() as transaction:
                    self._lease.release(transaction)

    def _now(self) -> datetime:
        return self._context.clock.now()

    def _renew(self, transaction: Warehouse) -> None:
        """Keep the lease, and see whether somebody has pulled the switch."""
        self._lease.renew(transaction, self._context.clock)
        why = stops.stopped_because(transaction, self._spec.name)
        self._courier.stopped = self._courier.stopped or why

    def _beat(self) -> None:
        with self._warehouse.transaction() as transaction:
            self._renew(transaction)

    def _take_over(self) -> list[Job]:
        """Take the lease and settle the rows of runs that were cut off; their jobs are open."""
        with self._journal.transaction() as transaction:
            self._lease.acquire(transaction, self._context.clock)
            self._renew(transaction)
            self._close_cut_off(transaction, "the run was cut off")
            return outgoing.open_jobs(transaction, self._spec.name, self._instance)

    def _close_cut_off(self, transaction: Warehouse, problem: str) -> None:
        lists.abandon_cut_off(transaction, self._spec.name, self._instance, self._now())
        for run_id in outcomes.close_cut_off(transaction, self._spec.name, self._now()):
            ledger.finish(transaction, run_id, self._now(), problem)

    def _begin(self, polled_runs: Iterable[str]) -> tuple[Run, Route, str | None]:
        """Plan, ask the guards, and write everything down in one transaction."""
        with self._journal.transaction() as transaction:
            for run_id in polled_runs:
                ledger.finish(transaction, run_id, self._now(), None)
            is_sealed = self._context.saved_plans is not None
            spec, plan = judged_plan(
                transaction, self._spec, self._context, self._revert_to, is_sealed
            )
            now = self._now()
            run = Run(f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}", plan, now, self._revert_to)
            problem = self._objection(plan)
            ledger.record_run(transaction, run, self._spec, self._context, problem)
            if not problem:
                ledger.record_version(transaction, run, self._spec)
                ledger.refresh(transaction, run, spec)
            if problem or not plan.planned:
                return run, outgoing.NOWHERE, problem
            ledger.record_plan(transaction, run)
            write_intents(transaction, run, spec, self._context)
            return run, outgoing.route(transaction, run.run_id, self._can), None

    def _objection(self, plan: SyncPlan) -> str | None:
        """Why a plan must not be carried out."""
        saved = self._context.saved_plans
        if saved is not None:
            drifted = drift(saved[plan.sync], plan, self._spec)
            if drifted:
                return drifted
        is_forced = self._context.force_reason is not None
        failed = [v for v in plan.guards if not v.passed and (v.is_final or not is_forced)]
        return "; ".join(f"guard {v.guard}: {v.detail}" for v in failed) or None

    def _deliver(self, run: Run, route: Route) -> None:
        """Old identifiers leave first, then rows arrive, and only then do rows leave."""
        if self._is_rebuild:
            self._rebuild(run, route.arrivals)
            return
        if route.has_withdrawals:
            self._withdraw(run)
        for groups in (route.arrivals, route.departures):
            self._deliver_groups(run, groups)
            self._await_jobs(run)

    def _deliver_groups(self, run: Run, groups: Sequence[tuple[int, int]]) -> None:
        for first, last in groups:
            with self._journal.transaction() as transaction:
                self._renew(transaction)
                if self._courier.stopped:
                    return
                group = outgoing.take_batches(transaction, run.run_id, first, last, self._now())
            group, held_back = without_withdrawn(
                group, self._spec, self._can, self._context.withdrawn()
            )
            self._journal.keep(run.run_id, group, held_back)
            self._send(run, group)
            self._done += len(group.rows)
            if self._progress:
                self._progress(self._done, run.plan.total_changes)

    def _rebuild(self, run: Run, groups: Sequence[tuple[int, int]]) -> None:
        """Fill a new list, wait until it can be used, and drop the one that it replaces."""
        if not run.plan.total_changes:
            return
        with self._journal.transaction() as transaction:
            if groups:
                lists.begin(transaction, run.run_id, run.plan.sync, self._instance, self._now())
            else:
                lists.retire(transaction, run.plan.sync, self._instance, self._now())
        self._deliver_groups(run, groups)
        with self._journal.transaction() as transaction:
            if groups:
                self._has_jobs = lists.close(transaction, run.run_id, self._now())
        self._await_jobs(run)
        self._discard_lists()
        if not groups and not self._problems:
            with self._journal.transaction() as transaction:
                lists.all_left(transaction, run.run_id, self._now())

    def _discard_lists(self) -> None:
        """Delete the lists that no run will use; what cannot be deleted now is tried again."""
        if not self._is_rebuild:
            return
        with self._journal.transaction() as transaction:
            found = lists.useless(transaction, self._spec.name, self._instance)
        for list_id in found:
            self._open.close()
            problem = self._courier.discard(list_id)
            if problem:
                self._problems.append(problem)
                continue
            with self._journal.transaction() as transaction:
                lists.discarded(transaction, list_id, self._now())

    def _withdraw(self, run: Run) -> None:
        while not self._courier.stopped:
            with self._journal.transaction() as transaction:
                self._renew(transaction)
                if self._courier.stopped:
                    return
                group = outgoing.take_withdrawals(transaction, run.run_id, self._can, self._now())
            if not group.batches:
                break
            self._send(run, group, is_withdrawing=True)
        self._await_jobs(run)

    def _send(self, run: Run, group: Group, is_withdrawing: bool = False) -> None:
        """One batch alone where it creates the list that the others fill."""
        batches = list(group.batches)
        while batches:
            is_first = self._is_rebuild and not self._courier.new_list
            now, batches = (batches[:1], batches[1:]) if is_first else (batches, [])
            self._open.close()
            delivered = self._courier.deliver(now, self._beat)
            self._journal.keep(run.run_id, group, delivered)
            self._journal.keep_requests(run.run_id, group, self._courier.requests, is_withdrawing)
            jobs = set().union(*(part.jobs for part in delivered))
            self._has_jobs |= bool(jobs)
            if is_first and jobs:
                (self._courier.new_list,) = jobs
                with self._journal.transaction() as transaction:
                    lists.created(transaction, run.run_id, self._courier.new_list, self._now())

    def _await_jobs(self, run: Run) -> None:
        """Ask a few times; a job that takes longer is asked again by the next run."""
        for pause in _POLL_PAUSES_S:
            if not self._has_jobs or self._courier.stopped:
                return
            with self._journal.transaction() as transaction:
                jobs = outgoing.open_jobs(transaction, self._spec.name, self._instance, run.run_id)
            self._has_jobs = bool(jobs)
            if jobs:
                self._context.clock.sleep(pause)
            for job in jobs:
                self._poll(job)

    def _poll(self, job: Job) -> None:
        with self._journal.transaction() as transaction:
            self._lease.renew(transaction, self._context.clock)
            group = outgoing.job_rows(transaction, job)
        (rows,) = group.batches
        self._open.close()
        delivered = self._courier.poll(job.job_id, rows)
        if not self._is_rebuild:
            self._journal.keep(job.run_id, group, [delivered])
            return
        self._journal.keep(job.run_id, group, [lists.failed_as_one(delivered)])
        with self._journal.transaction() as transaction:
            lists.settle(transaction, job, self._spec.name, self._instance, self._now())

    def _end(self, run: Run) -> RunResult:
        now, stopped = self._now(), self._courier.stopped
        with self._journal.transaction() as transaction:
            status = ledger.finish(transaction, run.run_id, now, stopped)
            ledger.record_size(transaction, run, self._context.as_of, now)
            by_operation = ledger.outcomes_by_operation(transaction, run.run_id)
            self._lease.release(transaction)
        counts = {
            state: sum(states.get(state, 0) for states in by_operation.values())
            for state in ledger.OUTCOMES
        }
        problems = [*([stopped] if stopped else []), *self._problems]
        problems += [f"{counts[s]} rows {s}" for s in ("rejected", "in_doubt") if counts[s]]
        return RunResult(
            run.plan.sync, status, run.run_id, run.plan, counts, by_operation, tuple(problems)
        )
