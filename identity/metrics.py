"""What a run can say about its own quality, without labels."""

import math

import duckdb
import polars as pl

from identity.calibration import calibration
from identity.model import Model
from identity.profile import Profile

_SIZES = (1, 2, 3, 5, 10, 30)
# Fields whose completeness is watched: their share of known values, as trained and now.
_WATCHED = ("email", "phone", "birth", "postal_code", "gender")


def completeness(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """The share of records that have each watched field."""
    shares = ", ".join(f"count({field}) / greatest(count(*), 1)" for field in _WATCHED)
    row = con.execute(f"select {shares} from features").fetchall()[0]
    return {field: round(share, 4) for field, share in zip(_WATCHED, row, strict=True)}


def find_metrics(con: duckdb.DuckDBPyConnection, profile: Profile, model: Model | None) -> None:
    """Create `metrics` (metric, value) of the clusters, edges, review queue and model."""
    con.execute("create table metrics (metric varchar, value double)")
    for query in (_counts(), _sizes(), _errors(profile), _BY_KIND):
        con.execute(f"insert into metrics {query}")
    if model:
        prior = model.settings["probability_two_random_records_match"]
        trained = model.completeness
        drifted = [
            (f"drift: share with {field}", share - trained[field])
            for field, share in completeness(con).items()
        ]
        fitted = [("prior", prior), ("threshold", model.threshold)]
        con.executemany("insert into metrics values (?, ?)", [*fitted, *drifted])
        con.execute(f"insert into metrics {calibration(math.log2(prior / (1 - prior)))}")


def _counts() -> str:
    return """
        select 'records', count(*) from features
        union all
        select 'customers', count(distinct cluster) from clusters
        union all
        select 'households', count(distinct household_id) from households
        union all
        select 'ids issued ever', count(*) from registry
    """


def _sizes() -> str:
    """SQL: how many customers have up to so many records."""
    bands = " ".join(f"when size <= {most} then 'customers of up to {most}'" for most in _SIZES)
    return f"""
        select case {bands} else 'customers of more than {_SIZES[-1]}' end as metric, count(*)
        from (select count(*) as size from clusters group by cluster)
        group by 1
    """


_BY_KIND = """
    select 'edges: ' || coalesce(rule, kind), count(*) from edges group by 1
    union all
    select 'reviews: ' || kind, count(*) from reviews group by 1
"""


def _errors(profile: Profile) -> str:
    """SQL: what points to customers who are several people, or people who are several customers."""
    given = profile.given[0]
    two_ids = " or ".join(f"min({c}) <> max({c})" for c in profile.rulebook.unique) or "false"
    return f"""
        with known as (select * from features inner join clusters using (rec)),
        shared as (
            select email, {given}, count(distinct cluster) as customers
            from known where email is not null and {given} is not null
            group by email, {given}
        ),
        mixed as (
            -- The first and the last of the values differ: cheaper than counting them.
            select min({given}) <> max({given}) as names, min(birth) <> max(birth) as births,
                min(gender) <> max(gender) as genders,
                {two_ids} as unique_ids
            from known group by cluster
        )
        select 'customers with two given names', count(*) from mixed where names
        union all
        select 'customers with two birthdays', count(*) from mixed where births
        union all
        select 'customers with two genders', count(*) from mixed where genders
        union all
        select 'customers with two unique ids', count(*) from mixed where unique_ids
        union all
        select 'customers who share e-mail and given name', coalesce(sum(customers), 0)
        from shared where customers > 1
        union all
        select 'expected wrong links of the model', coalesce(sum(1 - match_probability), 0)
        from edges where kind = 'model'
        union all
        select 'expected precision of links', coalesce(avg(match_probability), 1) from edges
        union all
        select 'expected links the model missed', coalesce(sum(match_probability), 0)
        from scored anti join edges using (rec_l, rec_r)
    """


def count_unusable(
    con: duckdb.DuckDBPyConnection, unusable: pl.DataFrame, contacts: pl.DataFrame
) -> None:
    """Add to `metrics` the unusable values by field and the contacts by who shares them."""
    con.register("unusable", unusable)
    con.register("profiled", contacts)
    con.execute(
        """
        insert into metrics
        select 'unusable values: ' || field, count(*) from unusable group by field
        union all
        select 'contacts: ' || contact || ', ' || profile, count(*)
        from profiled group by contact, profile
        """
    )
