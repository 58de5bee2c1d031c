"""Activation: compares what should be with what was acknowledged, and sends the difference.

Knows nothing of Dagster and opens no database: a Warehouse is handed in (activations/warehouse.py).
"""
