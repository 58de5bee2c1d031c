"""The whole world in order: people, their records, what they bought, looked at and were sent."""

import polars as pl

from seeds.generator import encounters, last_day, messages, orders, programme, records, sources, web
from seeds.generator.dice import Dice
from seeds.generator.orders import Tables
from seeds.generator.people import make_people
from seeds.generator.products import make_products, make_stock

MAKERS = (
    sources.crm_members,
    sources.pos_cards,
    sources.ec_accounts,
    sources.mailorder_customers,
    sources.line_friends,
)


def make_world(people_count: int, seed: int) -> Tables:
    """All raw tables.

    Columns that start with _ are not the source's: _person is the truth, _at says when a row was
    known where that is not its first time, and _deleted marks an erased key.
    """
    people = make_people(people_count, seed)
    known = {name: records.sign_up(people, name, seed) for name in records.TWICE}
    tables: Tables = {make.__name__: make(known, Dice(seed, make.__name__)) for make in MAKERS}
    members, _, accounts, _, friends = tables.values()
    tables["products"] = make_products(people_count, seed)
    tables["stock"] = make_stock(tables["products"], seed)
    on_sale = tables["products"].head(-2)
    bought = {name: orders.buy(known[name], name, seed) for name in orders.HABITS}
    past = orders.history(bought, people)
    looking = orders.visitors(known["ec"], past, seed)
    evening = orders.last_evening(known["ec"], past, looking, seed)
    tables |= orders.ec_orders(people, pl.concat([bought["ec"], evening]), on_sale, seed)
    tables |= orders.pos_receipts(bought["pos"], on_sale, seed)
    tables |= orders.mail_orders(bought["mail"], on_sale, seed)
    sessions = web.make_sessions(known["ec"], tables["ec_orders"], looking, seed)
    tables["web_events"] = web.web_events(sessions, on_sale.height, seed)
    tables |= web.advertisements(sessions, seed)
    tables["email_campaigns"] = messages.email_campaigns()
    tables["email_events"] = messages.email_events(members, people.rows, seed)
    tables["app_messages"] = messages.app_messages(friends, accounts, seed)
    tables["campaign_assignments"] = messages.campaign_assignments(members, seed)
    sales = [tables[name] for name in ("ec_orders", "pos_receipts", "mail_orders")]
    tables["points"] = programme.points(sales, known["crm"], seed)
    tables |= programme.coupons(tables["pos_receipts"], tables["pos_cards"], seed)
    tables["survey_responses"] = programme.survey_responses(members, seed)
    tables["subscriptions"] = programme.subscriptions(accounts, seed)
    tables["consent_events"] = programme.consent_events(members, accounts, friends, seed)
    tables["form_submissions"] = encounters.form_submissions(people, sessions["cookie"], seed)
    tables |= encounters.seminars(people, seed)
    tables |= encounters.business(people, known["crm"], seed)
    spent = pl.concat(rows.select("_person", "total_jpy") for rows in sales).drop_nulls()
    best = spent.group_by("_person").sum().sort("total_jpy", "_person", descending=True)
    return last_day.change(tables, best["_person"], seed)


def final_state(table: pl.LazyFrame) -> pl.LazyFrame:
    """The latest version of each key that is not erased; the key is the first column."""
    columns = table.collect_schema().names()
    if "_deleted" not in columns:
        return table
    latest = table.unique(columns[0], keep="last", maintain_order=True)
    return latest.filter(~pl.col("_deleted").fill_null(False)).drop("_deleted")


def truth(tables: Tables) -> pl.DataFrame:
    """Which record is of which person: to measure identity resolution, never to be read by it."""
    guests = tables["ec_orders"].filter(pl.col("guest_email").is_not_null())
    sales = ("ec_orders", "pos_receipts", "mail_orders")
    records = {name: rows.lazy() for name, rows in tables.items() if name not in sales}
    records["ec_guest_orders"] = guests.lazy()
    return pl.concat(
        final_state(rows).select(
            source=pl.lit(name), source_id=pl.nth(0), person_id=pl.col("_person").cast(pl.Int64)
        )
        for name, rows in records.items()
        if "_person" in rows.collect_schema().names()
    ).drop_nulls()
