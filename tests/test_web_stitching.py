"""Web visitors: sessions find their customer when it becomes known, also back in time."""

from datetime import datetime

from golden_kit import APART, AS_OF, world

WEB = "stg_web_events int_web_sessions int_web_visitor_links web_visitors web_sessions"
SESSIONS = "select session_id, customer_id from marts.web_sessions"


def attributed() -> dict[str, str | None]:
    return {row["session_id"]: row["customer_id"] for row in world().rows(SESSIONS)}


def test_a_login_that_arrives_late_attributes_the_sessions_before_and_after_it() -> None:
    here = world()
    here.build(WEB, AS_OF)
    assert attributed() == {"s1": None}
    here.build(WEB, datetime(2026, 10, 2, 12))
    assert attributed() == {"s1": "ann", "s2": "ann", "s3": "ann"}
    here.resolve_as(APART | {"ec_accounts:W1": "ben"})
    here.build(WEB, datetime(2026, 10, 2, 12))
    assert attributed() == {"s1": "ben", "s2": "ben", "s3": "ben"}
