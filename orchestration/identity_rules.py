"""What a project itself decides about identity: its file of rules and its blocklist."""

import identity
from orchestration.settings import settings
from orchestration.warehouse import DuckDBWarehouse

BLOCKLIST = "reference.identity_blocklist"


def identity_rules(warehouse: DuckDBWarehouse) -> identity.Rules:
    """The rules of ENISHI_IDENTITY_RULES or the default ones, with the blocklist of the seed.

    Raises identity.RulebookError or BlocklistError, which say what to write instead.
    """
    seeded = warehouse.rows(
        "select 1 from information_schema.tables where table_schema || '.' || table_name = ?",
        [BLOCKLIST],
    )
    blocklist = warehouse.arrow(f"select * from {BLOCKLIST}") if seeded else None
    return identity.read_rules(settings().identity_rules, blocklist)
