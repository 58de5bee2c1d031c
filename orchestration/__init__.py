"""Orchestration: lands raw files, runs dbt, identity and syncs in their order, from Dagster or the command line."""
