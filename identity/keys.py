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
        """SQL: the key of a value that is not null."""
        return f"hash('{self.name}', {self.value})"


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
    """In the order of their places, which start at 1."""
    return [
        *shared_contacts(profile),
        *ties(profile),
        *blocks(profile),
        *twins(profile),
        *homes(profile),
    ]


def index_keys(con: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Create `record_keys` (rec, id, place, key), place by place: all keys of `features`."""
    con.execute(
        "create or replace table record_keys (rec bigint, id ubigint, place utinyint, key ubigint)"
    )
    for place, key in enumerate(all_keys(profile), 1):
        con.execute(
            f"""
            insert into record_keys
            select rec, hash(source, source_id), {place}, {key.sql}
            from features where ({key.value}) is not null
            """
        )


def is_home(profile: Profile) -> str:
    """SQL: the place of a key that may make a household."""
    return f"place > {len(all_keys(profile)) - len(homes(profile))}"
