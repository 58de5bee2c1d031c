"""Splink's charts: pages of the kept model and the published customers that need no network."""

import json
import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import identity
from orchestration.identities import chart_identities, resolve_identities
from orchestration.warehouse import DuckDBWarehouse
from tests.identity_kit import HANAKO, HOME, NOW, table
from tests.test_identity_dirt import cards, members, people
from tests.test_identity_stewardship import land


def test_charts_show_the_kept_model_and_customers_without_a_network(warehouse, tmp_path: Path):
    known = people(1_000, seed=29)
    land(warehouse, pl.concat([members(known), cards(known)], how="diagonal").to_arrow())
    resolve_identities(warehouse, NOW)
    folder = tmp_path / "charts"
    (largest,) = warehouse.rows(
        "select customer_id, min(last_name) as name from identity.customer_records "
        "inner join identity.records using (source, source_id, customer_id) "
        "group by customer_id order by count(*) desc, customer_id limit 1"
    )
    for _ in range(2):  # a second time replaces the first
        paths = chart_identities(warehouse, NOW, folder, [largest["customer_id"]])
    assert [path.stem for path in paths] == [
        "match_weights",
        "m_u_probabilities",
        "waterfall",
        "cluster_studio",
    ]
    studio = paths[-1].read_text()
    assert largest["customer_id"] in studio
    assert json.dumps(largest["name"])[1:-1] in studio
    for path in paths:
        assert not re.findall(r"""<(?:link|script)[^>]+(?:src|href)=["']http""", path.read_text())
    assert folder.stat().st_mode & 0o077 == 0  # personal data


def test_without_a_trained_model_charts_say_what_to_do(warehouse: DuckDBWarehouse, tmp_path: Path):
    land(warehouse, table(HANAKO | HOME))
    resolve_identities(warehouse, NOW + timedelta(days=1))
    with pytest.raises(identity.ModelError, match="enishi build"):
        chart_identities(warehouse, NOW, tmp_path)
