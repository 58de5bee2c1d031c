"""Saved plans: sealed as they were shown, and refused where their inputs have drifted since."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from activations.plan import SyncPlan, plans_to_json
from activations.spec import SyncSpec


class BadPlan(ValueError):
    """A file that is no saved plan, or was changed after it was saved."""


def save_plans(
    path: Path, as_of: datetime, plans: Iterable[SyncPlan], specs: Iterable[SyncSpec]
) -> None:
    """Write plans to a file that `load_plans` will accept as long as nobody edits it."""
    document = plans_to_json(as_of, plans)
    for sync, spec in zip(document["syncs"], specs, strict=True):
        sync["spec_hash"] = spec.spec_hash
    document["seal"] = _seal(document)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, default=str))


def load_plans(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The saved plans by sync; BadPlan where the seal is broken."""
    try:
        document = json.loads(path.read_text())
        seal = document.pop("seal")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadPlan(f"{path.name} is no saved plan: make one with enishi plan --save") from None
    if seal != _seal(document):
        raise BadPlan(f"{path.name} was changed after it was saved: save the plan again")
    return {sync["sync"]: sync for sync in document["syncs"]}


def drift(saved: Mapping[str, Any], plan: SyncPlan, spec: SyncSpec) -> str | None:
    """Why a plan is no longer the one that was saved; None where it is, row by row."""
    if saved["spec_hash"] != spec.spec_hash:
        return "the declaration of the sync has changed since the plan was saved"
    if saved["instance"] != plan.instance:
        return f"the plan was saved for {saved['instance']}, not for {plan.instance}"
    if saved["digest"] != plan.digest:
        return (
            f"its rows have changed since the plan was saved ({saved['planned']:,} rows then, "
            f"{plan.planned:,} now): look at enishi plan {spec.name}, and save it again"
        )
    return None


def _seal(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()
