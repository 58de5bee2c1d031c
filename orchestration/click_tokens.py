"""Links of our messages: the token that they carry, and to whom a clicked one was sent.

The token is the id of the send, a hash: whose it is only the warehouse knows.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from orchestration.warehouse import DuckDBWarehouse

PARAMETER = "ct"  # the default of dbt's var click_token_parameter
CHANNELS = ("email", "line")  # an SMS is paid by its length
LINK = re.compile(r"https?://[\w.:-]+[^\s<>\"'）)」、。]*(?<![.,])")
# Only clicked sends are kept here: what has not been clicked changes nothing downstream.
RECOGNISE = """
insert into identity.clicked_messages
select distinct sends.send_id, sends.customer_id
from staging.stg_web_events as events
inner join decisions.send_decisions as sends on events.click_token = sends.send_id
anti join identity.clicked_messages as known on sends.send_id = known.send_id
"""
READ = ("staging.stg_web_events", "decisions.send_decisions")


def with_token(text: str, send_id: str, untouched: Collection[str]) -> str:
    """The text with the token in its links to the hosts of `untouched`, but not in those links."""
    hosts = {urlsplit(link).hostname for link in untouched}

    def marked(found: re.Match[str]) -> str:
        link = found.group()
        if link in untouched or urlsplit(link).hostname not in hosts:
            return link
        address, hash_sign, place = link.partition("#")
        sign = "&" if "?" in address else "?"
        return f"{address}{sign}{PARAMETER}={send_id}{hash_sign}{place}"

    return LINK.sub(marked, text)


def recognise_clicks(warehouse: DuckDBWarehouse) -> None:
    """Keep to whom the messages were sent whose links were clicked since the last time."""
    built = warehouse.value(
        "select count(*) from information_schema.tables "
        "where table_schema || '.' || table_name in (?, ?)",
        list(READ),
    )
    if built == len(READ):
        warehouse.execute(RECOGNISE)
