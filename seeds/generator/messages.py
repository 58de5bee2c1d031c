"""Messages of the tools used before: e-mail campaigns with their events, push, LINE."""

import numpy as np
import polars as pl

from seeds.generator.dice import LAST_DAY, NOW, Dice, at, days, seconds

col = pl.col

CAMPAIGNS = 25
BROADCASTS = 6
MACHINE = "Mozilla/5.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"


def email_campaigns() -> pl.DataFrame:
    """A newsletter every other Saturday, the latest on the last day."""
    number = np.arange(CAMPAIGNS)
    sent_at = LAST_DAY + seconds(36_000) - days((CAMPAIGNS - 1 - number) * 14)
    return pl.DataFrame({"number": number, "sent_at": sent_at}).select(
        campaign_id=pl.format("EM{}", col("number").cast(pl.String).str.zfill(3)),
        name=pl.format("暮らしのたより 第{}号", col("number") + 1),
        sent_at="sent_at",
        subject_variant=pl.when(col("number") % 2 == 0).then(pl.lit("A")).otherwise(pl.lit("B")),
    )


def email_events(members: pl.DataFrame, people: pl.DataFrame, seed: int) -> pl.LazyFrame:
    """What became of every newsletter; none is sent after a hard bounce or an unsubscription."""
    dice = Dice(seed, "email_events")
    readers = members.filter(col("email").is_not_null(), col("_person").is_not_null())
    readers = readers[dice.some(readers.height, 0.4)]
    n = readers.height
    keenness, clicks = dice.rng.beta(1.2, 3.5, n), dice.rng.beta(1, 6, n)
    has_machine = dice.chance(0.4, n)
    hour = people["hour"].gather(readers["_person"]).to_numpy()
    joined, active = readers["registered_at"].to_numpy(), np.ones(n, dtype=bool)
    parts = []
    for campaign_id, sent_at in email_campaigns().select("campaign_id", "sent_at").iter_rows():
        sent_at = np.datetime64(sent_at, "us")
        sent = np.flatnonzero(active & (joined < sent_at))
        opened = sent[dice.chance(keenness[sent], len(sent))]
        usual = sent_at.astype("datetime64[D]") + seconds(hour * 3600)
        read_at = np.maximum(usual, sent_at) + seconds(dice.rng.integers(60, 3000, n))
        soon = np.full(n, sent_at + seconds(40))
        bounced = sent[dice.some(len(sent), 0.0025)]
        gone = opened[dice.some(len(opened), 0.006, at_least=2 if sent_at > LAST_DAY else 0)]
        machine = sent[has_machine[sent] & dice.chance(0.7, len(sent))]
        clicked = opened[dice.chance(clicks[opened], len(opened))]
        soft = sent[dice.some(len(sent), 0.0035)]
        active[np.concatenate([bounced, gone])] = False
        parts += [
            _events(campaign_id, "send", sent, soon - seconds(40), None),
            _events(campaign_id, "open", machine, soon, MACHINE),
            _events(campaign_id, "open", opened, read_at, PHONE),
            _events(campaign_id, "click", clicked, read_at + seconds(30), PHONE),
            _events(campaign_id, "soft_bounce", soft, soon, None),
            _events(campaign_id, "hard_bounce", bounced, soon, None),
            _events(campaign_id, "unsubscribe", gone, read_at + seconds(90), PHONE),
        ]
    machine = pl.when(col("user_agent") == MACHINE).then(pl.lit("_machine")).otherwise(pl.lit(""))
    return pl.concat(parts).select(
        pl.format("em{}_{}_{}{}", "row", "campaign_id", "event_type", machine).alias("event_id"),
        *("campaign_id", "event_type", "event_ts", "user_agent"),
        member_id=pl.lit(readers["member_id"]).gather("row"),
        email=pl.lit(readers["email"]).gather("row"),
    )


def _events(
    campaign_id: str, event_type: str, row: np.ndarray, moments: np.ndarray, agent: str | None
) -> pl.LazyFrame:
    return pl.LazyFrame({"row": row.astype(np.int32), "event_ts": moments[row]}).with_columns(
        campaign_id=pl.lit(campaign_id),
        event_type=pl.lit(event_type),
        user_agent=pl.lit(agent, dtype=pl.String),
    )


def app_messages(friends: pl.DataFrame, accounts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Broadcasts to LINE friends and to phones with the app, the latest on the last day."""
    dice = Dice(seed, "app_messages")
    line = friends.select(
        recipient_id="line_user_id", since="followed_at", reachable=~col("blocked")
    )
    push = accounts.filter(col("push_token").is_not_null()).select(
        recipient_id="web_user_id", since="created_at", reachable=pl.lit(True)
    )
    parts = []
    for channel, everyone in {"line": line, "push": push}.items():
        for number in range(BROADCASTS):
            sent_at = LAST_DAY + seconds(43_200) - days((BROADCASTS - 1 - number) * 12)
            known = everyone.filter(col("since") < at(sent_at))
            rows = known[dice.some(known.height, 0.45)]
            delay = seconds(dice.rng.exponential(5000, rows.height) + 20)
            opened_at = at(sent_at) + dice.column(delay)
            opened = col("reachable") & dice.flag(0.4, rows.height) & (opened_at < at(NOW))
            parts.append(
                rows.select(
                    message_id=pl.lit(f"{channel}-{number}"),
                    channel=pl.lit(channel),
                    recipient_id="recipient_id",
                    sent_at=at(sent_at),
                    delivered_at=pl.when("reachable").then(at(sent_at + seconds(3))),
                    opened_at=pl.when(opened).then(opened_at),
                )
            )
    return pl.concat(parts)


def campaign_assignments(members: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One randomised campaign with a hold-out, six weeks ago."""
    dice = Dice(seed, "campaign_assignments")
    assigned_at = at(LAST_DAY - days(45))
    known = members.filter(col("registered_at") < assigned_at, col("_person").is_not_null())
    rows = known[dice.some(known.height, 0.3)]
    return rows.select(
        campaign_id=pl.lit("AUTUMN-2026"),
        member_id="member_id",
        arm=dice.one_of(["tableware", "stationery", "holdout"], rows.height),
        assigned_at=assigned_at,
    )
