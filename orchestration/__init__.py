"""Orchestration: runs landing, dbt, identity and syncs in their order, from Dagster or a CLI."""
