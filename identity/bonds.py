"""Which records must be decided about together, whatever the decision was."""

import duckdb
import pyarrow as pa
from splink import DuckDBAPI
from splink.clustering import cluster_pairwise_predictions_at_threshold

from identity.schema import DECISIONS, conform


def find_bonds(con: duckdb.DuckDBPyConnection, decisions: pa.Table | None) -> None:
    """Create `bonded` (rec, first): records that are resolved again if one of them is.

    Those are the linked ones, those about which a rule or one decision decides, and whoever had or
    is to have one id. `first` is the first record of those.
    """
    given = DECISIONS.empty_table() if decisions is None else conform(decisions, DECISIONS)
    con.register("all_decisions", given)
    con.execute(
        """
        create table bonds as
        with claims as (
            select source, source_id, customer_id as claim from issued
            union all
            select source_l, source_id_l, customer_id from all_decisions where decision = 'pin'
            union all
            select unnest([source_l, source_r]), unnest([source_id_l, source_id_r]), decision_id
            from all_decisions
        ),
        claimed as (
            select rec, min(rec) over (partition by claim) as first
            from claims inner join features using (source, source_id)
        ),
        pairs as (
            select rec_l, rec_r from tied
            union all
            select first, rec from claimed where first <> rec
        )
        -- Most pairs are linked already: what remains is few.
        select distinct l.cluster_id as component_l, r.cluster_id as component_r
        from pairs
        inner join components as l on l.rec = rec_l
        inner join components as r on r.rec = rec_r
        where l.cluster_id <> r.cluster_id
        """
    )
    con.execute("create table linked as select distinct cluster_id as component from components")
    splink = DuckDBAPI(connection=con)
    found = cluster_pairwise_predictions_at_threshold(
        "linked", "bonds", splink, "component", "component_l", "component_r"
    )
    con.execute(
        f"""
        create table bonded as
        select rec, found.cluster_id as first
        from components inner join {found.physical_name} as found
            on found.component = components.cluster_id
        """
    )
    splink.delete_tables_created_by_splink_from_db()
