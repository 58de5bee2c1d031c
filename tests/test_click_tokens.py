"""Links of our messages: what they carry, and whose click it was."""

import pytest

from orchestration.click_tokens import recognise_clicks, with_token
from orchestration.identity_tables import ensure_identity_tables
from orchestration.messages_templates import opt_out_links
from orchestration.warehouse import DuckDBWarehouse

LEAVE = {"https://shop.example/stop", "https://life.shop.example/stop"}


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("見る https://shop.example/c", "見る https://shop.example/c?ct=s1"),
        ("https://shop.example/c?a=1#top\n次", "https://shop.example/c?a=1&ct=s1#top\n次"),
        ("（https://shop.example/c）、", "（https://shop.example/c?ct=s1）、"),
        ("See https://life.shop.example/.", "See https://life.shop.example/?ct=s1."),
        ("https://shop.example/stop", "https://shop.example/stop"),
        ("https://elsewhere.example/c", "https://elsewhere.example/c"),
        ("https://shop.example.evil.example/", "https://shop.example.evil.example/"),
    ],
)
def test_only_links_to_our_own_site_carry_the_token_and_never_the_way_out(text, marked):
    assert with_token(text, "s1", LEAVE) == marked


def test_everybody_who_speaks_has_a_way_out():
    assert {"https://enishi.example/stop", "https://life.enishi.example/stop"} == opt_out_links()


def test_clicked_sends_are_recognised_once_and_forged_tokens_never(warehouse: DuckDBWarehouse):
    ensure_identity_tables(warehouse)
    recognise_clicks(warehouse)  # before the first build there is nothing to read
    warehouse.execute(
        """
        create schema staging;
        create schema decisions;
        create table staging.stg_web_events as
            from (values ('s1'), ('s1'), ('forged'), (null)) as t (click_token);
        create table decisions.send_decisions as
            from (values ('s1', 'ann'), ('s2', 'ben')) as t (send_id, customer_id)
        """
    )
    recognise_clicks(warehouse)
    recognise_clicks(warehouse)
    assert warehouse.rows("select * from identity.clicked_messages") == [
        {"send_id": "s1", "customer_id": "ann"}
    ]
