"""What a model learns from its own scores and from stewards: the prior and the threshold."""

import math

import duckdb

from identity.frequencies import set_records_per_person
from identity.model import bits, predict, rounded
from identity.profile import Profile

# As many candidate pairs give three digits; more only take longer.
_SAMPLED_PAIRS = 400_000
_ROUNDS = 20
# The second one knows how many records of a person the first had taken for people.
_PASSES = 2
# A wrong merge is worse than a duplicate: precision counts twice as much as recall.
_BETA_SQUARED = 0.25
_HIGHEST_THRESHOLD = 12
# Bits: what stewards' decisions may at most say, and what is as unlikely as one doubtful decision.
_MOST_SHIFT = 6
_USUAL_SHIFT = 2


def fit(con: duckdb.DuckDBPyConnection, settings: dict, profile: Profile) -> tuple[dict, float]:
    """Settings with the prior that their own scores confirm, and the threshold.

    The expected number of matches among all pairs decides the prior, and the prior decides the
    expected number: repeated until both agree, so that probabilities fit the data without labels.
    What stewards decided moves the prior as far as their decisions need.
    """
    records, ruled = con.execute(
        """
        select
            (select count(*) from features),
            (select coalesce(sum(n * (n + 1) // 2), 0)
             from (select count(*) as n from rule_edges group by rec_l))
        """
    ).fetchall()[0]
    share = _sample(con)
    first = prior = bits(settings["probability_two_random_records_match"])
    for step in range(_PASSES):
        if step:
            set_records_per_person(con, _records_per_person(con, prior - first, share))
        _weigh(con, settings, profile, "sample_pairs", "tried")
        for _ in range(_ROUNDS):
            expected = con.execute(
                f"""
                select coalesce(sum(1 - 1 / (1 + pow(2, match_weight + {prior - first}))), 0)
                from tried
                """
            ).fetchall()[0][0]
            prior = bits(rounded((float(ruled) + expected / share) / (records * (records - 1) / 2)))
    prior += _steward_shift(con, settings, profile, prior - first)
    threshold = _choose_threshold(con, prior - first)
    con.execute("drop table tried; drop table sample_pairs")
    odds = rounded(1 - 1 / (1 + 2**prior))
    return settings | {"probability_two_random_records_match": odds}, threshold


def _records_per_person(con: duckdb.DuckDBPyConnection, shift: float, share: float) -> float:
    """How many records that no rule ties a person is expected to have, averaged over records."""
    matches, roots = con.execute(
        f"""
        with joined as (
            select max(match_weight) + {shift} as weight
            from tried
            inner join roots as l on l.rec = rec_l
            inner join roots as r on r.rec = rec_r
            group by least(l.root, r.root), greatest(l.root, r.root)
        )
        select coalesce(sum(1 - 1 / (1 + pow(2, weight))), 0),
            (select count(distinct root) from roots)
        from joined
        """
    ).fetchall()[0]
    return float(f"{1 + 2 * matches / share / roots:.4g}")


def _sample(con: duckdb.DuckDBPyConnection) -> float:
    """Create `sample_pairs`, candidates that are to be tried; returns their share."""
    pairs = con.execute("select count(*) from pairs").fetchall()[0][0]
    parts = -(-pairs // _SAMPLED_PAIRS) or 1
    con.execute(
        f"""
        create table sample_pairs as
        select pairs.rec_l, pairs.rec_r
        from pairs
        inner join roots as l on l.rec = rec_l
        inner join roots as r on r.rec = rec_r
        where hash(least(l.root, r.root), greatest(l.root, r.root)) % {parts} = 0
        """
    )
    return 1 / parts


def _weigh(
    con: duckdb.DuckDBPyConnection, settings: dict, profile: Profile, pairs: str, into: str
) -> None:
    """Create a table (rec_l, rec_r, match_weight) of pairs."""
    splink, predicted = predict(con, settings, profile, pairs)
    con.execute(
        f"""
        create or replace table {into} as
        select rec_l, rec_r, match_weight from {predicted.physical_name}
        """
    )
    splink._db_api.delete_tables_created_by_splink_from_db()


def _steward_shift(
    con: duckdb.DuckDBPyConnection, settings: dict, profile: Profile, shift: float
) -> float:
    """How many bits more or less of a prior than `shift` the stewards' decisions speak for."""
    if not con.execute("select count(*) from decided").fetchall()[0][0]:
        return 0
    _weigh(con, settings, profile, "decided", "judged")
    judged = con.execute(
        f"""
        select match_weight + {shift}, decision = 'same'
        from judged
        inner join decided using (rec_l, rec_r)
        """
    ).fetchall()
    con.execute("drop table judged")
    steps = [step / 4 for step in range(-4 * _MOST_SHIFT, 4 * _MOST_SHIFT + 1)]

    def surprise(step: float) -> float:
        """Bits of surprise at the decisions, and at so large a step."""
        weights = [weight + step if same else -weight - step for weight, same in judged]
        return sum(math.log2(1 + 2**-weight) for weight in weights) + (step / _USUAL_SHIFT) ** 2

    return min(steps, key=lambda step: (surprise(step), abs(step)))


def _choose_threshold(con: duckdb.DuckDBPyConnection, shift: float) -> float:
    """The weight (bits) from which pairs are linked so that whole clusters are expected best.

    A link joins all records of both sides that the rules hold together.
    """
    bands = con.execute(
        f"""
        with sizes as (select root, count(*) as records from roots group by root),
        joined as (
            select least(l.root, r.root) as root_l, greatest(l.root, r.root) as root_r,
                max(match_weight) + {shift} as weight
            from tried
            inner join roots as l on l.rec = rec_l
            inner join roots as r on r.rec = rec_r
            group by all
        )
        select greatest(floor(2 * weight) / 2, -0.5) as band, sum(l.records * r.records) as pairs,
            sum(l.records * r.records / (1 + pow(2, -weight))) as matches
        from joined
        inner join sizes as l on l.root = root_l
        inner join sizes as r on r.root = root_r
        group by band
        """
    ).fetchall()
    steps = [step / 2 for step in range(2 * _HIGHEST_THRESHOLD + 1)]

    def loss(threshold: float) -> float:
        """Wrong links and missed ones, against the right ones."""
        right = sum(matches for band, _, matches in bands if band >= threshold)
        wrong = sum(pairs - matches for band, pairs, matches in bands if band >= threshold)
        missed = sum(matches for band, _, matches in bands if band < threshold)
        return float(wrong + _BETA_SQUARED * missed) / max(float(right), 1)

    return min(steps, key=loss)
