"""Whether the model's probabilities come true: checked against unique ids and stewards' words."""

import duckdb

from identity.profile import Profile

# Enough for two digits, and little beside the pairs that a run scores anyway.
_MOST_PAIRS = 50_000
_FEWEST_PAIRS = 100  # of less, chance says more than the model
# Edges of the bands of probability within which what was expected meets what was found.
_BANDS = (0.1, 0.5, 0.9, 0.99)


def add_labelled_pairs(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Have candidate pairs scored of which two unique ids tell whether they are one person.

    Nothing else scores them: such a pair is tied or parted without the model. Creates
    `labelled_pairs` (rec_l, rec_r, is_same) and adds its pairs to `pairs`.
    """
    has_id = f"coalesce({', '.join((*profile.rulebook.unique, 'null'))}) is not null"
    keys = " union all ".join(
        f"select rec, {n} as kind, hash({key}) as key, {most} as most from features "
        f"where {has_id} and {key} is not null"
        for n, (key, most) in enumerate(profile.blocking.items())
    )
    con.execute(
        f"""
        create table labelled_pairs as
        with keyed as ({keys}),
        small as (
            select kind, key from keyed group by kind, key having count(*) between 2 and min(most)
        ),
        blocks as (select keyed.* from keyed semi join small using (kind, key)),
        found as (
            select distinct one.rec as rec_l, two.rec as rec_r
            from blocks as one
            inner join blocks as two
                on one.kind = two.kind and one.key = two.key and one.rec < two.rec
        )
        select rec_l, rec_r, not {profile.rulebook.other_unique_id} as is_same
        from found
        inner join features as l on l.rec = rec_l
        inner join features as r on r.rec = rec_r
        where not {profile.contradiction}
            and ({profile.rulebook.same_unique_id} or {profile.rulebook.other_unique_id})
        order by hash(rec_l, rec_r), rec_l, rec_r
        limit {_MOST_PAIRS}
        """
    )
    con.execute("insert into pairs select rec_l, rec_r from labelled_pairs")


def take_labelled_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """Create `labelled` (evidence, is_same) from their scores, which then serve nothing else."""
    con.execute(
        """
        create table labelled as
        select evidence, is_same from scored inner join labelled_pairs using (rec_l, rec_r);
        delete from scored where (rec_l, rec_r) in (select (rec_l, rec_r) from labelled_pairs)
        """
    )


def calibration(prior_bits: float) -> str:
    """SQL: the metrics of `labelled` and of decided pairs; no rows where there are hardly any."""
    band = " + ".join(f"cast(p >= {edge} as integer)" for edge in _BANDS)
    return f"""
        with judged as (
            select evidence, is_same from labelled
            union all
            select evidence, decision = 'same' from scored inner join decided using (rec_l, rec_r)
        ),
        believed as (
            select 1 - 1 / (1 + pow(2, evidence + {prior_bits})) as p,
                cast(is_same as integer) as found
            from judged
        ),
        banded as (
            select
                count(*) as pairs, sum(p) as expected, sum(found) as found, min(p) >= 0.5 as is_link
            from believed
            group by {band}
        )
        select unnest([
            {{'metric': 'calibration: pairs with labels', 'value': sum(pairs)}},
            {{'metric': 'calibration: error', 'value': sum(abs(expected - found)) / sum(pairs)}},
            {{'metric': 'calibration: expected precision',
                'value': sum(expected) filter (is_link) / sum(pairs) filter (is_link)}},
            {{'metric': 'calibration: found precision',
                'value': sum(found) filter (is_link) / sum(pairs) filter (is_link)}}
        ], recursive := true)
        from banded
        having sum(pairs) >= {_FEWEST_PAIRS}
    """
