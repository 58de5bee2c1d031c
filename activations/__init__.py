"""Activation: compares what should be with what destinations acknowledged, and sends only the difference.

Knows nothing of Dagster and opens no database: a Warehouse is handed in (activations/warehouse.py).
"""
