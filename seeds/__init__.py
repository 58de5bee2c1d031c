"""Seed data: reference tables for dbt, the demo's raw files, and the generator that makes them."""
