"""Households: customers of one family name at one address or landline, as a second level of id."""

import duckdb
from splink import DuckDBAPI
from splink.clustering import cluster_pairwise_predictions_at_threshold

from identity.keys import is_home
from identity.profile import Profile

# More customers than a home has: a common name in a large building, or a junk value.
MOST_CUSTOMERS = 12


def find_households(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `households` (customer_id, household_id), named after its first customer's id.

    Other customers count with their keys in `elsewhere`.
    """
    con.execute(
        f"""
        create table household_links as
        with mentions as (
            select customer_id, key
            from record_keys inner join clusters using (rec) inner join assigned using (cluster)
            where {is_home(profile)}
            union
            select customer_id, key from elsewhere
        ),
        shared as (
            select key, min(customer_id) as first_id
            from mentions
            group by key having count(*) between 2 and {MOST_CUSTOMERS}
        )
        select distinct first_id as customer_id_l, customer_id as customer_id_r
        from mentions inner join shared using (key)
        where customer_id <> first_id
        """
    )
    con.execute(
        """
        create table linked_customers as
        select distinct unnest([customer_id_l, customer_id_r]) as customer_id from household_links
        """
    )
    splink = DuckDBAPI(connection=con)
    found = cluster_pairwise_predictions_at_threshold(
        "linked_customers",
        "household_links",
        splink,
        "customer_id",
        "customer_id_l",
        "customer_id_r",
    )
    con.execute(
        f"""
        create table households as
        select customer_id, 'h_' || substr(coalesce(cluster_id, customer_id), 3) as household_id
        from (select customer_id from assigned union select customer_id from elsewhere)
        left join {found.physical_name} using (customer_id)
        """
    )
    splink.delete_tables_created_by_splink_from_db()
