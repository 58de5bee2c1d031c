"""Customer ids that survive re-runs: clusters inherit the id most of their records had."""

import duckdb

# id = the home of a record key: the id a cluster gets when that is its first record's key.
_HOME = "'c_' || left(sha256(source || '|' || source_id{suffix}), 16)"


def assign_ids(con: duckdb.DuckDBPyConnection) -> None:
    """Create `assigned` (cluster, customer_id, is_new) from `clusters`, `previous` and `issued`.

    A pinned id stays with its record. An id stays with the cluster that has most of its records,
    if that cluster has no more of another id's. A cluster still without an id gets back the one
    that most of its records had at any time, if nobody has it, so that people who part again are
    who they were. All others get the home id of their first record, numbered if ever issued.
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
    for table, history in (("lineage", "previous"), ("former", "issued")):
        con.execute(
            f"""
            create table {table} as
            select clusters.cluster, history.customer_id, count(*) as records
            from clusters
            inner join features on features.rec = clusters.rec
            inner join (select distinct source, source_id, customer_id from {history}) as history
                using (source, source_id)
            group by clusters.cluster, history.customer_id
            """
        )
    con.execute(
        """
        create table assigned as
        select cluster, max(customer_id) as customer_id, false as is_new
        from pinned
        inner join clusters using (rec)
        group by cluster
        """
    )
    _assign_best(con, "lineage", is_new=False)
    _assign_best(con, "former", is_new=True)
    _issue_new_ids(con)


def _assign_best(con: duckdb.DuckDBPyConnection, overlap: str, is_new: bool) -> None:
    """Give each cluster without an id the free one whose best cluster it is, and its best id."""
    con.execute(
        f"""
        insert into assigned
        with ranked as (
            select
                overlap.cluster, overlap.customer_id,
                row_number() over (
                    partition by overlap.cluster
                    order by records desc, customer_id <> home, customer_id
                ) as choice_of_cluster,
                row_number() over (
                    partition by overlap.customer_id
                    order by records desc, customer_id <> home, overlap.cluster
                ) as choice_of_id
            from {overlap} as overlap
            inner join cluster_homes using (cluster)
            where overlap.cluster not in (select cluster from assigned)
                and overlap.customer_id not in (select customer_id from assigned)
        )
        select cluster, customer_id, {is_new}
        from ranked
        where choice_of_cluster = 1 and choice_of_id = 1
        """
    )


def _issue_new_ids(con: duckdb.DuckDBPyConnection) -> None:
    """Home ids for the clusters without one; numbered ones where that was ever issued."""
    attempt = 0
    while con.execute(
        "select count(*) from cluster_homes anti join assigned using (cluster)"
    ).fetchall()[0][0]:
        suffix = f" || '#{attempt}'" if attempt else ""
        con.execute(
            f"""
            insert into assigned
            select min(cluster), customer_id, true
            from (
                select cluster, {_HOME.format(suffix=suffix)} as customer_id
                from cluster_homes
                anti join assigned using (cluster)
            )
            where customer_id not in (
                select customer_id from assigned union all select customer_id from issued
            )
            group by customer_id
            """
        )
        attempt += 1


def register_ids(con: duckdb.DuckDBPyConnection) -> None:
    """Create `registry`: every id ever issued with the customer it stands for now.

    An id is active, or merged into the customer that has most of the records it ever had, or
    retired when all of those are gone.
    """
    con.execute(
        """
        create table registry as
        with heirs as (
            select
                former.customer_id, assigned.customer_id as heir,
                row_number() over (
                    partition by former.customer_id
                    order by former.records desc, assigned.customer_id
                ) as choice
            from former
            inner join assigned using (cluster)
        ),
        known as (select customer_id from issued union select customer_id from assigned)
        select
            known.customer_id,
            case
                when assigned.customer_id is not null then 'active'
                when heirs.heir is not null then 'merged'
                else 'retired'
            end as status,
            coalesce(assigned.customer_id, heirs.heir) as current_customer_id
        from known
        left join assigned using (customer_id)
        left join heirs on heirs.customer_id = known.customer_id and choice = 1
        """
    )


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
