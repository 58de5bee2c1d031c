"""What resolution must know about the names and addresses of a part of the world."""

from dataclasses import dataclass

from identity.comparisons import Comparison
from identity.rulebook import Rulebook


@dataclass(frozen=True)
class Profile:
    """The SQL of one part of the world, over `features` and pairs l, r of them.

    `rulebook` is what a file of rules says: the default one's, or a project's own.
    `given` are the columns of given names in every spelling, `name_columns` those of whole names,
    `name_parts` the family and given name that whole names consist of.
    `person` are the columns that tell people of one component apart, `two_people` the condition
    that two of those are not one; `contradiction` is that condition for two records, which may
    also look at their contact points, and `broken_link` that of a link a source declares.
    `blocking` has each candidate key with the most records that may share it. Training compares
    records of one `name_key` to learn all but the name, and those of the most frequent of
    `contact_keys` (of one birthday where there are too few) to learn the name. `namesakes` are
    pairs of two people of one name, where those can be told from one person's. Customers with one
    of `household_keys` in common are one household; records with one of `twin_keys` in common but
    not `same_given` name are twins, or one person with a mistyped name.
    """

    name: str
    features: str
    given: tuple[str, ...]
    name_columns: tuple[str, ...]
    name_parts: dict[str, tuple[str, str]]
    person: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    rulebook: Rulebook
    blocking: dict[str, int]
    two_people: str
    contradiction: str
    broken_link: str
    name_key: str
    contact_keys: tuple[str, ...]
    namesakes: str | None
    household_keys: tuple[str, ...]
    twin_keys: tuple[str, ...]
    same_given: str
