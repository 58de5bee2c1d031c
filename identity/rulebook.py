"""The file of deterministic rules, unique identifiers, links and limits, read and checked."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from identity.blocklist import Blocklist, read_blocklist

DEFAULT_FILE = Path(__file__).with_name("rules.yml")
# What rules may name, by profile: columns of `features`.
_SHARED = (
    *("unique_id", "national_id", "member_id", "web_user_id", "line_user_id"),
    *("email", "email_local", "phone", "birth", "birth_md", "gender", "postal_code"),
)
COLUMNS = {
    "japanese": (
        *_SHARED,
        *("mobile", "landline", "area", "town_block", "postal_block"),
        *(f"{part}_{form}" for part in ("family", "given", "name") for form in ("kanji", "kana")),
        *("family_sound", "given_sound", "name_sound"),
    ),
    "western": (
        *_SHARED,
        *("given", "family", "name", "either_name", "street", "road", "city", "state"),
        *("birth_place", "occupation"),
    ),
}
CONTACTS = ("email", "email_local", "phone", "address")


class RulebookError(ValueError):
    """A mistake in a file of rules, with what to write instead."""


@dataclass(frozen=True)
class Rule:
    """Records that agree on all columns are one person, as surely as `weight` (bits) says.

    The first column is the identifier; values of it that more than `most_people` share are left,
    and so is what more than `most_records` records agree on.
    """

    name: str
    agree: tuple[str, ...]
    weight: float
    most_people: int | None = None
    most_records: int | None = None


@dataclass(frozen=True)
class Link:
    """`column` holds the source_id of a record of `source`, as surely as `weight` (bits) says.

    A record that more than `most_records` name is a placeholder.
    """

    column: str
    source: str
    weight: float
    most_records: int | None = None


@dataclass(frozen=True)
class Limit:
    """A value of more given names, or on more records without a name, is nobody's."""

    most_people: int
    most_nameless: int


@dataclass(frozen=True)
class Rulebook:
    """The rules of one profile; `unique` are columns that tie equal and part different values.

    `contacts` has a limit for each of CONTACTS; `blocklist` is what is nobody's whoever has it.
    """

    rules: tuple[Rule, ...]
    links: tuple[Link, ...]
    unique: tuple[str, ...]
    contacts: Mapping[str, Limit]
    blocklist: Blocklist

    @property
    def other_unique_id(self) -> str:
        """SQL: records l and r have different values of a unique identifier."""
        return _any_of(f"coalesce(l.{column} <> r.{column}, false)" for column in self.unique)

    @property
    def same_unique_id(self) -> str:
        """SQL: records l and r have the same value of a unique identifier."""
        return _any_of(f"coalesce(l.{column} = r.{column}, false)" for column in self.unique)


# By profile
Rules = Mapping[str, Rulebook]


def read_rules(path: Path | None = None, blocklist: pa.Table | None = None) -> Rules:
    """The rulebook of each profile; a part that the file leaves out is the default one's.

    `blocklist` is a project's own, in addition to the usual one (`read_blocklist`). Raises
    RulebookError or BlocklistError on a mistake, naming what there is.
    """
    usual = _read(DEFAULT_FILE)
    own = _read(path) if path else {}
    blocked = read_blocklist(blocklist)
    return {
        profile: _rulebook(profile, usual[profile], own.get(profile), blocked)
        for profile in COLUMNS
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror
        raise RulebookError(f"the file of rules {path.name} cannot be read: {why}") from error
    except yaml.YAMLError as error:
        raise RulebookError(f"the file of rules {path.name} is no YAML: {error}") from error
    said = _mapping(f"the file of rules {path.name}", read)
    _among("profile", said, COLUMNS)
    return said


def _rulebook(profile: str, usual: dict[str, Any], own: Any, blocklist: Blocklist) -> Rulebook:
    said = usual | _mapping(profile, own)
    _among(f"{profile}: part", said, usual)
    contacts = usual["contacts"] | _mapping(f"{profile}: contacts", said["contacts"])
    book = Rulebook(
        rules=_list(Rule, f"{profile}: rule", said["rules"]),
        links=_list(Link, f"{profile}: link", said["links"]),
        unique=_columns(f"{profile}: `unique`", said["unique"]),
        contacts={
            contact: _made(Limit, f"{profile}: contact {contact}", limit)
            for contact, limit in contacts.items()
        },
        blocklist=blocklist,
    )
    used = [*book.unique, *(link.column for link in book.links)]
    used += [column for rule in book.rules for column in rule.agree]
    _among(f"{profile}: column", used, COLUMNS[profile])
    _among(f"{profile}: contact", book.contacts, CONTACTS)
    return book


def _list(kind: type, where: str, read: Any) -> tuple[Any, ...]:
    if not isinstance(read, list):
        raise RulebookError(f"{where}s are '{read}', not a list")
    return tuple(_made(kind, where, one) for one in read)


def _made(kind: type, where: str, read: Any) -> Any:
    """One entry of the file as a dataclass, of the types that its fields declare."""
    said = _mapping(where, read)
    where = f"{where} '{said['name']}'" if "name" in said else where
    _among(f"{where}: setting", said, [one.name for one in fields(kind)])
    made = {}
    for one in fields(kind):
        value = said.get(one.name, one.default)
        if value is MISSING:
            raise RulebookError(f"{where}: `{one.name}` is missing")
        if one.type == tuple[str, ...]:
            value = _columns(f"{where}: `{one.name}`", value or None)
        elif one.type is not str and value is not None and not _is_number(value):
            raise RulebookError(f"{where}: `{one.name}` is {value}, not a number above 0")
        made[one.name] = value
    return kind(**made)


def _columns(where: str, read: Any) -> tuple[str, ...]:
    if not isinstance(read, list) or not all(isinstance(column, str) for column in read):
        raise RulebookError(f"{where} is {read}, not a list of columns")
    return tuple(read)


def _mapping(where: str, read: Any) -> dict[str, Any]:
    if not isinstance(read, dict | type(None)):
        raise RulebookError(f"{where} is '{read}', not settings with their names")
    return read or {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _among(what: str, used: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted({str(one) for one in used} - set(known))
    if unknown:
        raise RulebookError(f"no such {what}: {', '.join(unknown)}; there are {', '.join(known)}")


def _any_of(conditions: Iterable[str]) -> str:
    return f"({' or '.join(conditions) or 'false'})"
