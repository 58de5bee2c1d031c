"""What the published identities, and a run, can say about their own quality, without labels."""

import duckdb

from identity.calibration import calibration
from identity.model import Model, bits
from identity.profile import Profile

_SIZES = (1, 2, 3, 5, 10, 30)
# Fields whose completeness is watched: their share of known values, as trained and now.
_WATCHED = ("email", "phone", "birth", "postal_code", "gender")


def completeness(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """The share of records that have each watched field."""
    row = con.execute(f"select {', '.join(map(_share, _WATCHED))} from features").fetchall()[0]
    return {field: round(share, 4) for field, share in zip(_WATCHED, row, strict=True)}


def _share(field: str) -> str:
    return f"count({field}) / greatest(count(*), 1)"


def find_metrics(con: duckdb.DuckDBPyConnection, model: Model | None) -> None:
    """Create `metrics` (metric, value) of the candidate pairs, which only a run has."""
    con.execute(
        """
        create table metrics as
        select 'expected links the model missed' as metric,
            cast(coalesce(sum(match_probability), 0) as double) as value
        from scored anti join edges using (rec_l, rec_r)
        """
    )
    if model:
        prior = bits(model.settings["probability_two_random_records_match"])
        con.execute(f"insert into metrics {calibration(prior)}")


def measurements(profile: Profile, model: Model | None) -> str:
    """SQL: the metrics (metric, value) of what is published in the schema `identity`."""
    given, unique = profile.given[0], profile.rulebook.unique
    two_ids = " or ".join(f"min({column}) <> max({column})" for column in unique) or "false"
    return f"""
        with known as materialized (
            select customer_id, {", ".join(dict.fromkeys((*_WATCHED, given, *unique)))}
            from (
                select {profile.features}, customer_id
                from (
                    select prepared.* replace (records.email as email, records.phone as phone),
                        records.customer_id, 0 as rec
                    from identity.prepared inner join identity.records using (source, source_id)
                )
            )
        ),
        customers as materialized (
            -- The first and the last of the values differ: cheaper than counting them.
            select count(*) as size, min({given}) <> max({given}) as two_names,
                min(birth) <> max(birth) as two_births, min(gender) <> max(gender) as two_genders,
                {two_ids} as two_ids
            from known group by customer_id
        ),
        shared as (
            select count(distinct customer_id) as customers
            from known where email is not null and {given} is not null
            group by email, {given}
        )
        {_COUNTS}
        union all
        {_sizes()}
        {"".join(f"union all {part}" for part in _of_model(model))}
    """


_COUNTS = """
    select 'records' as metric, cast(count(*) as double) as value from known
    union all
    select 'customers', count(*) from customers
    union all
    select 'households', count(distinct household_id) from identity.customer_records
    union all
    select 'ids issued ever', count(*) from identity.customer_ids
    union all
    select 'edges: ' || coalesce(rule, kind), count(*) from identity.edges group by 1
    union all
    select 'reviews: ' || kind, count(*) from identity.review_queue group by 1
    union all
    select 'unusable values: ' || field, count(*) from identity.unusable_values group by 1
    union all
    select 'contacts: ' || contact || ', ' || profile, count(*) from identity.contacts group by 1
    union all
    select 'customers with two given names', count(*) from customers where two_names
    union all
    select 'customers with two birthdays', count(*) from customers where two_births
    union all
    select 'customers with two genders', count(*) from customers where two_genders
    union all
    select 'customers with two unique ids', count(*) from customers where two_ids
    union all
    select 'customers who share e-mail and given name', coalesce(sum(customers), 0)
    from shared where customers > 1
    union all
    select 'expected wrong links of the model', coalesce(sum(1 - match_probability), 0)
    from identity.edges where kind = 'model'
    union all
    select 'expected precision of links', coalesce(avg(match_probability), 1)
    from identity.edges
"""


def _sizes() -> str:
    """SQL: how many customers have up to so many records."""
    bands = " ".join(f"when size <= {most} then 'customers of up to {most}'" for most in _SIZES)
    return f"""
        select case {bands} else 'customers of more than {_SIZES[-1]}' end, count(*)
        from customers
        group by 1
    """


def _of_model(model: Model | None) -> list[str]:
    """SQL: what the model goes by, and how far the records drifted from those of its training."""
    if model is None:
        return []
    prior = model.settings["probability_two_random_records_match"]
    drifts = ", ".join(
        f"{{'metric': 'drift: share with {field}', 'value': {_share(field)} - {trained}}}"
        for field, trained in model.completeness.items()
    )
    return [
        f"select 'prior', {prior} union all select 'threshold', {model.threshold} ",
        f"select unnest([{drifts}], recursive := true) from known",
    ]
