"""Customer ids that survive re-runs: clusters inherit the id most of their records had."""

import duckdb

# id = the home of a record key: the id a cluster gets when that is its first record's key.
_HOME = "'c_' || left(sha256(source || '|' || source_id{suffix}), 16)"


def assign_ids(con: duckdb.DuckDBPyConnection) -> None:
    """Create `assigned` (cluster, customer_id, is_new) from `clusters`, `previous` and `issued`.

    An id stays with the cluster that has most of its records, if that cluster has no more of
    another id's. All other clusters get the home id of their first record, so that people who
    part again get back the ids they had.
    """
    con.execute(
        f"""
        create table cluster_homes as
        select cluster, {_HOME.format(suffix="")} as home, source, source_id
        from clusters
        inner join features on features.rec = clusters.cluster
        group by cluster, source, source_id
        """
    )
    con.execute(
        """
        create table lineage as
        select clusters.cluster, previous.customer_id, count(*) as records
        from clusters
        inner join features on features.rec = clusters.rec
        inner join previous using (source, source_id)
        group by clusters.cluster, previous.customer_id
        """
    )
    con.execute(
        """
        create table assigned as
        with ranked as (
            select
                lineage.cluster, lineage.customer_id,
                row_number() over (
                    partition by lineage.cluster
                    order by records desc, customer_id <> home, customer_id
                ) as choice_of_cluster,
                row_number() over (
                    partition by lineage.customer_id
                    order by records desc, customer_id <> home, lineage.cluster
                ) as choice_of_id
            from lineage
            inner join cluster_homes using (cluster)
        )
        select cluster, customer_id, false as is_new
        from ranked
        where choice_of_cluster = 1 and choice_of_id = 1
        """
    )
    _issue_new_ids(con)


def _issue_new_ids(con: duckdb.DuckDBPyConnection) -> None:
    """Home ids for the clusters without one; numbered ones where somebody else has it."""
    attempt = 0
    while con.execute(
        "select count(*) from cluster_homes anti join assigned using (cluster)"
    ).fetchall()[0][0]:
        suffix = f" || '#{attempt}'" if attempt else ""
        # A retired home id comes back to its own first record; a numbered one is always fresh.
        taken = "select customer_id from assigned"
        if attempt:
            taken += " union all select customer_id from issued"
        con.execute(
            f"""
            insert into assigned
            select min(cluster), customer_id, true
            from (
                select cluster, {_HOME.format(suffix=suffix)} as customer_id
                from cluster_homes
                anti join assigned using (cluster)
            )
            where customer_id not in ({taken})
            group by customer_id
            """
        )
        attempt += 1


def find_events(con: duckdb.DuckDBPyConnection) -> None:
    """Create `events`: how each id of this run came to differ from the previous run's."""
    con.execute(
        """
        create table events as
        with changes as (
            select
                assigned.customer_id, assigned.is_new,
                lineage.customer_id as previous_customer_id, lineage.records,
                row_number() over (
                    partition by assigned.customer_id
                    order by lineage.records desc, lineage.customer_id
                ) = 1 as is_origin,
                row_number() over (
                    partition by lineage.customer_id
                    order by lineage.records desc, assigned.customer_id
                ) = 1 as is_destination,
                lineage.customer_id in (select customer_id from assigned) as lives_on
            from assigned
            left join lineage using (cluster)
        )
        select
            case
                when is_new and is_origin then case
                    when customer_id in (select customer_id from issued) then 'reactivated'
                    when previous_customer_id is null then 'created'
                    else 'split'
                end
                when is_destination and not lives_on then 'merged'
                else 'moved'
            end as event,
            customer_id, previous_customer_id,
            case
                when previous_customer_id is null then 'new records'
                else records || ' of its records came from ' || previous_customer_id
            end as reason
        from changes
        where customer_id is distinct from previous_customer_id
        """
    )
