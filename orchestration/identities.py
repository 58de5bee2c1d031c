"""Runs identity resolution on the warehouse's records and publishes its tables in one step."""
