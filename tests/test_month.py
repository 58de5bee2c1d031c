"""A simulated month: a day's files each day, a tick, and what people answered, against the sink."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activations.receiver.events import Event, message
from activations.receiver.journal import Journal
from activations.sink import Store, running_sink
from orchestration.jobs import run_tick
from orchestration.warehouse import DuckDBWarehouse
from seeds.generator.__main__ import main as generate
from tests import engagement_proofs as proofs
from tests.ticks_kit import tick_untested

pytestmark = pytest.mark.month

TICKS = int(os.environ.get("MONTH_TICKS", "30"))
PEOPLE, SEED = 200, 5
EVENING = timedelta(hours=11, minutes=30)  # half past eight in Tokyo, before the quiet hours
# Of a hundred messages, how many people open, click, leave; how many addresses are dead.
ANSWERS = {"open": 45, "click": 15, "unsubscribe": 5, "hard_bounce": 3}
# A mailing to everybody every other noon: more than the frequency rules let through.
MAY_COME_OFTEN = "update reference.messages set dedupe_days = 1 where message = 'new_year_greeting'"
CAMPAIGNS = """
insert into reference.campaigns
select 'month_' || day, null, cast(? as timestamp) + to_days(cast(day as integer)),
    'new_year_greeting', null
from range(2, ?, 2) as days (day)
"""


@dataclass
class Month:
    """The warehouse and the sink as the month goes on, and what was wrong after each tick."""

    warehouse: DuckDBWarehouse
    sink: Store
    raw: Path
    files: Path
    without_consent: list[str] = field(default_factory=list)
    in_control: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)

    def play(self, day: str, is_tested: bool) -> None:
        """The files of a day arrive; a tick on the evening after; people answer.

        Either by the daily job, or by what it does without the tests of dbt.
        """
        for path in sorted(self.files.glob(f"*/{day}.csv")):
            target = self.raw / path.parent.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / path.name)
        as_of = datetime.fromisoformat(day) + timedelta(days=1) + EVENING
        os.environ["ENISHI_AS_OF"] = f"{as_of.isoformat()}+00:00"
        if is_tested:
            assert run_tick("daily") == []
        else:
            tick_untested(self.warehouse)
        self.without_consent += proofs.without_consent(self.warehouse, as_of)
        self.in_control += proofs.to_the_control_group(self.warehouse, as_of)
        self.answer(as_of)

    def answer(self, as_of: datetime) -> None:
        """Receipts of what was delivered, through the receiver's journal into the raw folder."""
        sent = proofs.delivered(self.warehouse)
        events = [
            event
            for m in sent
            if m["send_id"] not in self.answered and m["channel"] != "task"
            for event in receipts(m["send_id"], m["channel"], m["contact_point"], as_of)
        ]
        self.answered |= {m["send_id"] for m in sent}
        with closing(
            Journal(self.raw, self.warehouse.path.with_suffix(".receiver.sqlite"))
        ) as journal:
            journal.append(events, as_of)


def receipts(send_id: str, channel: str, contact_point: str, as_of: datetime) -> Iterator[Event]:
    """What a vendor reports of one message; LINE and SMS tell of no opening."""
    draw = int(hashlib.sha256(send_id.encode()).hexdigest(), 16)
    said = ["hard_bounce"] if draw % 100 < ANSWERS["hard_bounce"] else ["delivered"]
    if said == ["delivered"] and channel in ("email", "push"):
        likely = [kind for kind in ("open", "click") if draw // 100 % 100 < ANSWERS[kind]]
        leaves = channel == "email" and draw // 10_000 % 100 < ANSWERS["unsubscribe"]
        said += likely + ["unsubscribe"] * leaves
    for minutes, kind in enumerate(said, start=1):
        yield message(
            "month",
            f"{send_id}:{kind}",
            kind,
            (as_of + timedelta(minutes=7 * minutes)).replace(tzinfo=UTC),
            channel=channel,
            contact_point=contact_point,
            send_id=send_id,
        )


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    folder = tmp_path_factory.mktemp("month")
    generate(f"--people {PEOPLE} --seed {SEED} --days {TICKS} --out {folder / 'files'}".split())
    days = sorted({path.stem for path in (folder / "files").glob("*/*.csv")})
    before = dict(os.environ)
    with running_sink(folder / "sink.sqlite") as url:
        os.environ |= {
            "ENISHI_WAREHOUSE": str(folder / "month.duckdb"),
            "ENISHI_RAW": str(folder / "raw"),
            "ENISHI_SINK_URL": url,
            "DAGSTER_HOME": str(folder / "dagster"),
        }
        played = Month(
            DuckDBWarehouse(folder / "month.duckdb"),
            Store(folder / "sink.sqlite"),
            folder / "raw",
            folder / "files",
        )
        for number, day in enumerate(days):
            played.play(day, is_tested=day in (days[0], days[-1]))
            if number == 0:
                noon = datetime.fromisoformat(day) + timedelta(hours=12)
                played.warehouse.execute(MAY_COME_OFTEN)
                played.warehouse.execute(CAMPAIGNS, [noon, TICKS])
        yield played
    os.environ.clear()
    os.environ.update(before)


def test_messages_went_out_on_many_days_and_were_answered(month: Month) -> None:
    sent = proofs.delivered(month.warehouse)
    assert len({m["delivered_at"] for m in sent}) > TICKS / 3
    assert len({m["journey"] for m in sent}) >= 5
    assert "campaign" in {m["journey"] for m in sent}
    put_off = (
        "select count(*) from decisions.send_decisions "
        "where journey = 'campaign' and failed_gate = 'schedule'"
    )
    assert month.warehouse.value(put_off) > 0  # by a cap, until it was too late
    loaded = month.warehouse.value("select count(*) from staging.stg_message_events")
    assert loaded > len(sent) / 2


def test_nobody_was_over_a_cap(month: Month) -> None:
    assert proofs.over_caps(month.warehouse) == []


def test_nobody_was_written_to_without_consent(month: Month) -> None:
    assert month.without_consent == []


def test_everything_was_received_once(month: Month) -> None:
    assert proofs.not_received_once(month.warehouse, month.sink) == []


def test_control_groups_were_told_nothing(month: Month) -> None:
    assert month.in_control == []


def test_every_message_and_every_silence_is_explained(month: Month) -> None:
    assert proofs.unexplained(month.warehouse) == []
