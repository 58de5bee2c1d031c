"""Households: customers of one family name at one address or landline, as a second level of id."""

import duckdb
from splink import DuckDBAPI
from splink.clustering import cluster_pairwise_predictions_at_threshold

from identity.profile import Profile

# More customers than a home has: a common name in a large building, or a junk value.
_LARGEST = 12


def find_households(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `households` (customer_id, household_id), named after its first customer's id."""
    keys = " union ".join(
        f"select customer_id, {n} as kind, hash({key}) as key from keyed where {key} is not null"
        for n, key in enumerate(profile.household_keys)
    )
    con.execute(
        f"""
        create table household_links as
        with keyed as (
            select assigned.customer_id, features.*
            from features inner join clusters using (rec) inner join assigned using (cluster)
        ),
        mentions as ({keys}),
        homes as (
            select kind, key, min(customer_id) as first_id
            from mentions group by kind, key having count(*) between 2 and {_LARGEST}
        )
        select distinct first_id as customer_id_l, customer_id as customer_id_r
        from mentions inner join homes using (kind, key)
        where customer_id <> first_id
        """
    )
    splink = DuckDBAPI(connection=con)
    homes = cluster_pairwise_predictions_at_threshold(
        "assigned", "household_links", splink, "customer_id", "customer_id_l", "customer_id_r"
    )
    con.execute(
        f"""
        create table households as
        select customer_id, 'h_' || substr(cluster_id, 3) as household_id
        from {homes.physical_name}
        """
    )
    splink.delete_tables_created_by_splink_from_db()
