"""Checks of every resolution: what must never be, and signs of too much or too little merging.

What must never be stops the tick. A sign only warns: somebody should look.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

from orchestration.identities import last_metrics
from orchestration.warehouse import DuckDBWarehouse

ASSET = dg.AssetKey(["identity", "customer_records"])


@dataclass(frozen=True)
class Invariant:
    """What must hold for every record or customer; `broken` selects those where it does not."""

    name: str
    says: str
    broken: str


@dataclass(frozen=True)
class Sign:
    """A metric that should stay within `most`, as a share of the metric `of` if that is given."""

    name: str
    says: str
    metric: str
    most: float
    of: str | None = None


INVARIANTS = (
    Invariant(
        "record_has_one_customer",
        "No record belongs to two customers.",
        "select source, source_id from identity.customer_records "
        "group by source, source_id having count(*) > 1",
    ),
    Invariant(
        "customer_has_one_unique_id",
        "No customer has two values of a unique id.",
        "select customer_id from identity.records "
        "group by customer_id having min(unique_id) <> max(unique_id)",
    ),
    Invariant(
        "customer_id_is_registered",
        "Every customer id in use is active in the registry and stands for itself.",
        "select customer_id from identity.customer_records "
        "anti join (select * from identity.customer_ids where status = 'active' "
        "and current_customer_id = customer_id) using (customer_id)",
    ),
)
SIGNS = (
    Sign(
        "few_given_names_per_customer",
        "Customers with two given names may be two people.",
        *("customers with two given names", 0.02, "customers"),
    ),
    Sign(
        "few_birthdays_per_customer",
        "Customers with two birthdays may be two people.",
        *("customers with two birthdays", 0.02, "customers"),
    ),
    Sign(
        "few_genders_per_customer",
        "Customers with two genders may be two people.",
        *("customers with two genders", 0.005, "customers"),
    ),
    Sign(
        "few_namesakes_with_one_email",
        "Customers who share e-mail and given name may be one person.",
        *("customers who share e-mail and given name", 0.01, "customers"),
    ),
    Sign(
        "no_customer_of_very_many_records",
        "A customer of more than 30 records may be several people.",
        *("customers of more than 30", 0),
    ),
    Sign(
        "review_queue_is_short",
        "Of many pairs nobody knows whether they are one person: stewards or a new model may help.",
        *("reviews", 0.1, "customers"),
    ),
    Sign(
        "input_did_not_drift",
        "Records have other fields filled than those the model was trained on: train it anew.",
        *("drift", 0.1),
    ),
    Sign(
        "probabilities_come_true",
        "Expected and found matches differ among pairs with labels: the model is not calibrated.",
        *("calibration: error", 0.05),
    ),
)


def check_specs() -> list[dg.AssetCheckSpec]:
    """All checks, for the asset that makes the tables."""
    must = [
        dg.AssetCheckSpec(one.name, asset=ASSET, description=one.says, blocking=True)
        for one in INVARIANTS
    ]
    may = [dg.AssetCheckSpec(one.name, asset=ASSET, description=one.says) for one in SIGNS]
    return must + may


def check_identities(warehouse: DuckDBWarehouse) -> Iterator[dg.AssetCheckResult]:
    """The result of each check on the published tables."""
    with warehouse.transaction() as one_connection:
        counts = {
            one: one_connection.value(f"select count(*) from ({one.broken})") for one in INVARIANTS
        }
    for one, broken in counts.items():
        yield dg.AssetCheckResult(
            passed=not broken,
            check_name=one.name,
            asset_key=ASSET,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"broken": broken},
        )
    metrics = last_metrics(warehouse)
    for sign in SIGNS:
        value = measure(sign, metrics)
        yield dg.AssetCheckResult(
            passed=value <= sign.most,
            check_name=sign.name,
            asset_key=ASSET,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"value": value, "most": sign.most},
        )


def measure(sign: Sign, metrics: dict[str, float]) -> float:
    """The largest of the metrics that a sign names, with whatever follows a colon; 0 if none is."""
    named = [
        abs(value)
        for name, value in metrics.items()
        if name == sign.metric or name.startswith(f"{sign.metric}: ")
    ]
    whole = metrics.get(sign.of, 0) if sign.of else 1
    return max(named, default=0) / (whole or 1)
