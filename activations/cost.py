"""What the messages of a plan cost: how many, in how many parts, for how many yen."""

from typing import Any

from activations.destinations.base import Capabilities
from activations.model_sql import path_sql
from activations.spec import SyncSpec
from activations.warehouse import Warehouse

# 3GPP TS 23.038: one SMS holds 160 characters of the basic alphabet or 70 of any other, and each
# part of a longer one 153 or 67. Plain ASCII stands for the basic alphabet here.
_SMS_PARTS = """
    case
        when body is null then 1
        when regexp_full_match(body, '[ -~\\s]*')
            then case when length(body) <= 160 then 1 else ceil(length(body) / 153.0) end
        when length(body) <= 70 then 1
        else ceil(length(body) / 67.0)
    end
"""


def value_cost(plan_rows: int, removals: int, spec: SyncSpec, can: Capabilities) -> dict[str, int]:
    """Data points, where the vendor bills them: mapped columns, and membership itself."""
    if not can.bills_values:
        return {}
    return {"data_points": (plan_rows - removals) * (len(spec.mapping) + 1) + removals}


def message_cost(transaction: Warehouse, spec: SyncSpec, can: Capabilities) -> dict[str, Any]:
    """Of the staged plan: messages, sms_parts (SMS only), yen (where a price is declared)."""
    if spec.sync_class != "message":
        return {}
    (found,) = transaction.rows(
        f"""
        select count(*) as messages, cast(coalesce(sum({_SMS_PARTS}), 0) as bigint) as sms_parts
        from (
            select json_extract_string(payload, {path_sql("columns", "body")}) as body
            from staged_plan
            where row_no is not null and not is_expired and counts_as_sent is null
        )
        """
    )
    if can.channel != "sms":
        del found["sms_parts"]
    if spec.yen_per_message is not None:
        units = found.get("sms_parts", found["messages"])
        found["yen"] = round(units * spec.yen_per_message)
    return found
