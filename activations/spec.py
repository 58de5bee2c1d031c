"""What a sync is: a dbt exposure with `config.meta.sync`, checked before anything is sent."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from hashlib import md5
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activations.destinations.base import Destination
from activations.secrets_lint import secret_problems

MODES = ("mirror", "upsert", "update_only", "add_only", "rebuild", "ttl_refresh", "message")
NEVER_REMOVE = ("upsert", "update_only", "add_only")
_DURATION = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Ratio = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r'^[^"\\]+$')]  # used as a JSON path


class SpecError(ValueError):
    """Syncs that cannot run as declared: every problem of every sync, one per line."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class GuardLimits(BaseModel):
    """When a plan is stopped before the first byte; null switches a guard off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_empty: bool = False
    max_exit_ratio: Ratio | None = 0.5
    max_change_ratio: Ratio | None = None
    max_size_change_ratio: Ratio | None = 0.8
    max_rows: Count | None = None
    min_rows: Count | None = None
    max_requests: Count | None = None
    max_cost_yen: Count | None = None
    small_change: Count = 20  # fewer rows than this never stop a run by a ratio


class SyncDeclaration(BaseModel):
    """What stands under `config.meta.sync` of an exposure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    destination: str
    mode: Literal[
        "mirror", "upsert", "update_only", "add_only", "rebuild", "ttl_refresh", "message"
    ]
    key: Name = Field(description="Column that names a row: customer_id, or send_id of a message.")
    identifiers: tuple[Name, ...] = Field(
        default=(), description="Canonical columns by which the destination knows people."
    )
    mapping: dict[Name, Name] = Field(
        default_factory=dict, description="Destination column -> column of the model."
    )
    options: dict[str, str] = Field(default_factory=dict)
    guards: GuardLimits = GuardLimits()
    schedule: str = "daily"
    consent_purpose: str | None = None
    expires_after: str | None = Field(
        default=None,
        pattern=_DURATION.pattern,
        description="Messages: 30m, 12h or 3d after the model's send_at; its expires_at wins.",
    )
    yen_per_message: Ratio | None = Field(
        default=None, description="Messages: the price of one, or of one part of an SMS."
    )
    changed_at: Name | None = Field(
        default=None,
        description="Column with the tick (as_of) in which the model wrote the row: only rows "
        "written since the last run are read. For modes that never remove.",
    )
    ttl_days: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="ttl_refresh: days after which the destination forgets a row; it is sent again "
        "at half of them.",
    )


class SyncSpec(SyncDeclaration):
    """A declared sync with its name and the model it reads."""

    name: str
    relation: str
    columns: tuple[str, ...]
    segment: str | None = None  # whose members the model holds; for the reasons of a plan

    @property
    def sync_class(self) -> str:
        return "message" if self.mode == "message" else "state"

    @property
    def lifetime(self) -> timedelta | None:
        """How long after its send_at a message may still be sent."""
        if self.expires_after is None:
            return None
        number, unit = _DURATION.fullmatch(self.expires_after).groups()
        return timedelta(**{_UNITS[unit]: int(number)})

    @property
    def spec_hash(self) -> str:
        return _hash(self.model_dump(exclude={"columns"}))

    @property
    def mapping_hash(self) -> str:
        """Changes when the shape of what is sent changes; part of every row's fingerprint."""
        return _hash([sorted(self.identifiers), sorted(self.mapping)])


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `config.meta.sync`, for editors and reviews."""
    return SyncDeclaration.model_json_schema()


def load_syncs(
    manifest: Mapping[str, Any],
    columns: Callable[[str], list[str]],
    destinations: Mapping[str, Destination],
) -> list[SyncSpec]:
    """All syncs of a dbt manifest by name, or one SpecError with everything that is wrong."""
    specs: list[SyncSpec] = []
    problems: list[str] = []
    for exposure in sorted(manifest["exposures"].values(), key=lambda e: e["name"]):
        declared = exposure["config"].get("meta", {}).get("sync")
        if declared is None:
            continue
        try:
            specs.append(_load(exposure, declared, manifest, columns, destinations))
        except SpecError as error:
            problems += [f"sync {exposure['name']}: {problem}" for problem in error.problems]
    if problems:
        raise SpecError(problems)
    return specs


def _load(
    exposure: Mapping[str, Any],
    declared: Any,
    manifest: Mapping[str, Any],
    columns: Callable[[str], list[str]],
    destinations: Mapping[str, Destination],
) -> SyncSpec:
    leaked = list(secret_problems(declared))
    if leaked:
        raise SpecError(leaked)
    try:
        declaration = SyncDeclaration.model_validate(declared)
    except ValidationError as error:
        raise SpecError(
            f"{'.'.join(map(str, e['loc'])) or 'sync'}: {e['msg']}" for e in error.errors()
        ) from None
    problems = _destination_problems(declaration, destinations)
    try:
        relation = _relation(exposure, manifest)
    except SpecError as error:
        raise SpecError([*problems, *error.problems]) from None
    available = columns(relation)
    problems += _column_problems(declaration, relation, available)
    if problems:
        raise SpecError(problems)
    return SyncSpec(
        **declaration.model_dump(),
        name=exposure["name"],
        relation=relation,
        columns=tuple(available),
    )


def _relation(exposure: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The schema.table of the one sync model that the exposure depends on."""
    models = {
        uid: node
        for uid, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["name"].startswith("sync_")
    }
    named = exposure["depends_on"]["nodes"]
    found = [models[uid] for uid in named if uid in models]
    if len(found) != 1:
        says = _listed(uid.split(".")[-1] for uid in named)
        valid = _listed(node["name"] for node in models.values())
        raise SpecError([f"depends_on must name one sync model, not {says}; models: {valid}"])
    return f"{found[0]['schema']}.{found[0]['alias']}"


def _destination_problems(
    spec: SyncDeclaration, destinations: Mapping[str, Destination]
) -> list[str]:
    if spec.destination not in destinations:
        return [f"no destination '{spec.destination}'; destinations: {_listed(destinations)}"]
    can = destinations[spec.destination].capabilities
    problems = []
    modes = [mode for mode in MODES if mode in can.modes]
    if spec.mode not in modes:
        problems.append(f"{spec.destination} has no mode '{spec.mode}'; modes: {_listed(modes)}")
    accepted = {identifier.column for identifier in can.identifiers.values()}
    unknown = set(spec.identifiers) - accepted
    if unknown:
        problems.append(
            f"{spec.destination} does not identify people by {_listed(unknown)}; "
            f"identifiers: {_listed(accepted)}"
        )
    if (spec.mode == "ttl_refresh") != (spec.ttl_days is not None):
        problems.append("ttl_days belongs to mode ttl_refresh, and has to be given there")
    if spec.changed_at and spec.mode not in NEVER_REMOVE:
        problems.append(
            f"changed_at needs one of the modes {_listed(NEVER_REMOVE)}: "
            "rows that left the model are not among the changed ones"
        )
    if accepted and not spec.identifiers:
        problems.append(f"no identifiers; {spec.destination} accepts: {_listed(accepted)}")
    if spec.guards.max_cost_yen is not None and spec.yen_per_message is None:
        problems.append("guards.max_cost_yen needs yen_per_message")
    missing = can.required_options - set(spec.options)
    if missing:
        problems.append(f"{spec.destination} needs the options {_listed(missing)}")
    if can.consent_purpose and spec.consent_purpose != can.consent_purpose:
        problems.append(
            f"{spec.destination} needs consent_purpose: {can.consent_purpose} "
            "(the model must hold only rows with that consent)"
        )
    return problems


def _column_problems(spec: SyncDeclaration, relation: str, available: list[str]) -> list[str]:
    if not available:
        return [f"model {relation} has not been built"]
    used = {spec.key, *spec.identifiers, *spec.mapping.values()}
    used |= {spec.changed_at} - {None}
    if spec.expires_after and "expires_at" not in available:
        used.add("send_at")
    unknown = used - set(available)
    if not unknown:
        return []
    return [f"{relation} has no column {_listed(unknown)}; columns: {', '.join(available)}"]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _hash(value: Any) -> str:
    return md5(json.dumps(value, sort_keys=True).encode()).hexdigest()
