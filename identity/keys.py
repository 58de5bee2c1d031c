"""The keys of a record: values that it may share with others, and what sharing one means."""

from dataclasses import dataclass

import duckdb

from identity.profile import Profile

# Twins are looked for among few records only.
_MOST_TWINS = 8


@dataclass(frozen=True)
class Key:
    """`value` is SQL over `features`; where more than `most` records share one it says nothing.

    Records that share a `tie` are one person by a rule, those with a `block` or `twin` in common
    are compared, those with a `home` may be a household. Keys of one name are the same values.
    """

    kind: str
    name: str
    value: str
    most: int | None = None

    @property
    def sql(self) -> str:
        """SQL: the key, null where the value is."""
        return f"case when ({self.value}) is not null then hash('{self.name}', {self.value}) end"


def blocks(profile: Profile) -> list[Key]:
    """What makes two records candidates."""
    return [
        Key("block", f"block {n}", value, most)
        for n, (value, most) in enumerate(profile.blocking.items())
    ]


def twins(profile: Profile) -> list[Key]:
    """What makes two given names worth a look."""
    return [
        Key("twin", f"twin {n}", value, _MOST_TWINS) for n, value in enumerate(profile.twin_keys)
    ]


def homes(profile: Profile) -> list[Key]:
    """What makes customers a household."""
    return [Key("home", f"home {n}", value) for n, value in enumerate(profile.household_keys)]


def ties(profile: Profile) -> list[Key]:
    """What the rules go by: a change of one record decides about all that share its ties."""
    book = profile.rulebook
    found = [Key("tie", f"unique {column}", column) for column in book.unique]
    for n, rule in enumerate(book.rules):
        # With a limit it matters who else has the identifier.
        shared = rule.agree[:1] if rule.most_people else rule.agree
        found.append(Key("tie", f"rule {n}", " || '|' || ".join(shared)))
    for n, link in enumerate(book.links):
        source = link.source.replace("'", "''")
        own = f"case when source = '{source}' then source_id end"
        found += [Key("tie", f"link {n}", value) for value in (link.column, own)]
    return found


def shared_contacts(profile: Profile) -> list[Key]:
    """The contact points as they are written, also those that are nobody's."""
    return [
        Key("contact", f"contact {contact}", f"shared_{contact}")
        for contact in profile.rulebook.contacts
    ]


def all_keys(profile: Profile) -> list[Key]:
    """In the order of the lists that `index` makes."""
    return [
        *shared_contacts(profile),
        *ties(profile),
        *blocks(profile),
        *twins(profile),
        *homes(profile),
    ]


def index_keys(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `record_keys` (rec, keys): all keys of each record of `features`."""
    listed = ", ".join(key.sql for key in all_keys(profile))
    con.execute(
        f"create or replace table record_keys as select rec, [{listed}] as keys from features"
    )


def homes_of(keys: str, profile: Profile) -> str:
    """SQL: the part of a list of all keys that may make a household."""
    last = len(all_keys(profile))
    return f"{keys}[{last - len(homes(profile)) + 1}:{last}]"


def listed(table: str, record: str = "id") -> str:
    """SQL: the keys of each record of a table, with their places in its list."""
    return f"""
        select {record}, key, place
        from (
            select {record}, unnest(keys) as key, generate_subscripts(keys, 1) as place from {table}
        )
        where key is not null
    """
