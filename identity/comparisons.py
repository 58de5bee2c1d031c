"""What two records are compared on: the levels of agreement of each field, best first."""

from dataclasses import dataclass

from identity.rules import OTHER_GIVEN, SAME_GIVEN, edited


@dataclass(frozen=True)
class Level:
    """A degree of agreement.

    `value`, for values that say who somebody is, makes its chance among random pairs exact;
    `frequency` is the column whose rare values count for more than common ones. `fixed_m` is an m
    that training must leave alone.
    """

    label: str
    sql: str
    value: str | None = None
    frequency: str | None = None
    fixed_m: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The levels of one field; `unknown` says when two records cannot be compared on it."""

    name: str
    unknown: str
    levels: tuple[Level, ...]


def _either_null(column: str) -> str:
    return f"l.{column} is null or r.{column} is null"


_SAME_FAMILY = "(l.family_kanji = r.family_kanji or l.family_sound = r.family_sound)"
_NO_NAME = "coalesce({0}.name_kanji, {0}.name_kana, {0}.name_sound) is null"
SAME_BLOCK = "(l.town_block = r.town_block or l.postal_block = r.postal_block)"

COMPARISONS = (
    Comparison(
        "name",
        f"{_NO_NAME.format('l')} or {_NO_NAME.format('r')}",
        (
            # Training must not learn from households that one person has two given names.
            Level("other given name", OTHER_GIVEN, fixed_m=1e-6),
            Level(
                "kanji and kana",
                "l.name_kanji = r.name_kanji and l.name_kana = r.name_kana",
                "name_kanji || '|' || name_kana",
                "name_kanji",
            ),
            Level("kanji", "l.name_kanji = r.name_kanji", "name_kanji", "name_kanji"),
            Level(
                "kana, kanji unknown",
                "l.name_kana = r.name_kana and (l.name_kanji is null or r.name_kanji is null)",
                "name_kana",
                "name_kana",
            ),
            Level(
                "reading, kanji unknown",
                "l.name_sound = r.name_sound and (l.name_kana is null or r.name_kana is null)"
                " and (l.name_kanji is null or r.name_kanji is null)",
                "name_sound",
                "name_sound",
            ),
            Level(
                "kana, other kanji",
                "l.name_kana = r.name_kana or (l.name_sound = r.name_sound"
                " and (l.name_kana is null or r.name_kana is null))",
                "name_sound",
                "name_sound",
            ),
            Level(
                "typing error",
                f"{edited('name_sound')} or ({edited('name_kanji')} and {SAME_GIVEN})",
            ),
            Level("given name only", SAME_GIVEN, "given_sound", "given_sound"),
            Level(
                "family name, given name unknown",
                _SAME_FAMILY,
                "family_sound",
                "family_sound",
            ),
            Level("other name", "else"),
        ),
    ),
    Comparison(
        "birthday",
        _either_null("birth_md"),
        (
            Level("date", "l.birth = r.birth", "birth"),
            Level("month and day", "l.birth_md = r.birth_md", "birth_md"),
            Level("typing error", "hamming(l.birth, r.birth) <= 2"),
            Level("other birthday", "else"),
        ),
    ),
    Comparison(
        "phone",
        _either_null("phone"),
        (
            Level("mobile", "l.phone = r.phone and l.is_mobile", "phone"),
            Level("other phone", "l.phone = r.phone", "phone"),
            Level(
                "typing error",
                "case when length(l.phone) = length(r.phone)"
                " then hamming(l.phone, r.phone) = 1 end",
            ),
            Level("other number", "else"),
        ),
    ),
    Comparison(
        "email",
        _either_null("email_local"),
        (
            Level("address", "l.email = r.email", "email"),
            Level("name before @", "l.email_local = r.email_local"),
            Level("typing error", edited("email_local")),
            Level("other address", "else"),
        ),
    ),
    Comparison(
        "address",
        f"({_either_null('town_block')}) and ({_either_null('postal_code')})",
        (
            Level("block", SAME_BLOCK, "coalesce(town_block, postal_block)"),
            Level("postal code", "l.postal_code = r.postal_code"),
            Level("area", "l.area = r.area"),
            Level("other address", "else"),
        ),
    ),
    Comparison(
        "gender",
        _either_null("gender"),
        (Level("same", "l.gender = r.gender"), Level("other gender", "else")),
    ),
)
