"""Western names and addresses: what is compared, what ties records, what parts people."""

from identity.comparisons import Comparison, Level, edited, either_null
from identity.profile import Profile
from identity.rulebook import read_rules

_FEATURES = """
    rec, source, source_id, member_id, web_user_id, line_user_id, unique_id, national_id, gender,
    given, family, given || ' ' || family as name,
    case when given is not null and family is not null
        then least(given, family) || ' ' || greatest(given, family) end as either_name,
    strftime(birth_on, '%Y%m%d') as birth,
    birth_month_day as birth_md,
    email, email_local, phone, postal_code, street,
    nullif(regexp_replace(street, '^[0-9a-z]*[0-9][0-9a-z]* ', ''), '') as road,
    city, prefecture as state,
    birth_place, occupation
"""


def _similar(column: str, least: float) -> str:
    return f"jaro_winkler_similarity(l.{column}, r.{column}) >= {least}"


# Jo and Joanne, J and John
_SHORT = "(starts_with(l.given, r.given) or starts_with(r.given, l.given))"
_LIKE_GIVEN = f"({_SHORT} or {_similar('given', 0.85)})"
_LIKE_FAMILY = _similar("family", 0.88)
_LIKE_SWAPPED = (
    "jaro_winkler_similarity(l.given, r.family) >= 0.85"
    " and jaro_winkler_similarity(l.family, r.given) >= 0.85"
)
_OTHER_GIVEN = (
    f"coalesce(not ({_SHORT} or {_similar('given', 0.7)} or l.given = r.family"
    " or l.family = r.given), false)"
)
_OTHER_BIRTH = "coalesce(damerau_levenshtein(l.birth, r.birth) > 2, false)"
_SAME_ID = "coalesce(damerau_levenshtein(l.national_id, r.national_id) <= 1, false)"
# One phone or mailbox and another given name: a family, twins included, rather than bad typing.
_SAME_HOME = "coalesce(l.family = r.family and (l.phone = r.phone or l.email = r.email), false)"
_TWO_PEOPLE = f"({_OTHER_GIVEN} and not {_SAME_ID} and ({_OTHER_BIRTH} or {_SAME_HOME}))"


def _text(column: str, label: str, near: float = 0.88) -> Comparison:
    """A field that is the same, written a little differently, or another."""
    return Comparison(
        column,
        either_null(column),
        (
            Level(label, f"l.{column} = r.{column}", column, column),
            Level(f"similar {label}", _similar(column, near)),
            Level(f"other {label}", "else"),
        ),
    )


_NAME = Comparison(
    "name",
    "coalesce(l.given, l.family) is null or coalesce(r.given, r.family) is null",
    (
        Level("name", "l.name = r.name", "name", "name"),
        Level("name in other order", "l.either_name = r.either_name", "either_name", "either_name"),
        Level("family name, similar given name", f"l.family = r.family and {_LIKE_GIVEN}"),
        Level("given name, similar family name", f"l.given = r.given and {_LIKE_FAMILY}"),
        Level("similar names", f"{_LIKE_FAMILY} and {_LIKE_GIVEN}"),
        Level("similar names in other order", _LIKE_SWAPPED),
        Level("family name", "l.family = r.family", "family", "family"),
        Level("given name", "l.given = r.given", "given", "given"),
        Level("similar family name", _LIKE_FAMILY),
        Level("similar given name", _LIKE_GIVEN),
        Level("other name", "else"),
    ),
)
_BIRTHDAY = Comparison(
    "birthday",
    either_null("birth"),
    (
        Level("date", "l.birth = r.birth", "birth"),
        Level("typing error", edited("birth")),
        Level(
            "day and month swapped",
            "left(l.birth, 4) = left(r.birth, 4) and substr(l.birth, 5, 2) = substr(r.birth, 7, 2)"
            " and substr(l.birth, 7, 2) = substr(r.birth, 5, 2)",
        ),
        Level("two digits", "hamming(l.birth, r.birth) <= 2"),
        Level("year", "left(l.birth, 4) = left(r.birth, 4)"),
        Level("other birthday", "else"),
    ),
)


def _identifier(column: str, label: str) -> Comparison:
    """A number or address that is one person's, but may be mistyped."""
    return Comparison(
        column,
        either_null(column),
        (
            Level(label, f"l.{column} = r.{column}", column),
            Level("typing error", edited(column)),
            Level(f"other {label}", "else"),
        ),
    )


_PLACE = Comparison(
    "place",
    f"({either_null('postal_code')}) and ({either_null('city')}) and ({either_null('state')})",
    (
        Level("postal code and city", "l.postal_code = r.postal_code and l.city = r.city"),
        Level("postal code", "l.postal_code = r.postal_code", "postal_code", "postal_code"),
        Level("city", f"l.city = r.city or {_similar('city', 0.9)}"),
        Level("mistyped postal code", edited("postal_code")),
        Level("state", "l.state = r.state"),
        Level("other place", "else"),
    ),
)

WESTERN = Profile(
    name="western",
    features=_FEATURES,
    given=("given",),
    name_columns=("family", "given"),
    name_parts={"name": ("family", "given"), "either_name": ("family", "given")},
    person=("given", "family", "birth", "national_id", "phone", "email"),
    comparisons=(
        _NAME,
        _BIRTHDAY,
        _identifier("national_id", "id number"),
        _identifier("phone", "phone"),
        _identifier("email", "address"),
        _text("street", "street"),
        _PLACE,
        Comparison(
            "gender",
            either_null("gender"),
            (Level("same", "l.gender = r.gender"), Level("other gender", "else")),
        ),
        _text("birth_place", "birth place"),
        _text("occupation", "occupation"),
    ),
    rulebook=read_rules()["western"],
    blocking={
        "national_id": 60,
        "phone": 60,
        "email_local": 30,
        "name": 12,
        "name || left(birth, 4)": 60,
        "name || left(postal_code, 2)": 60,
        "birth": 30,
        "birth || left(given, 1)": 60,
        "birth || left(family, 1)": 60,
        "birth || street": 60,
        "birth || postal_code": 60,
        "family || postal_code": 60,
        "given || postal_code": 60,
        "either_name": 12,
        "left(given, 3) || left(family, 3)": 30,
        "left(road, 4) || postal_code": 60,
        "family || left(road, 4)": 60,
        "given || road": 60,
        "family || left(birth, 6)": 60,
        "given || left(birth, 6)": 60,
        "family || given || birth_place": 30,
    },
    two_people=_TWO_PEOPLE,
    contradiction=_TWO_PEOPLE,
    broken_link=_TWO_PEOPLE,
    name_key="name",
    contact_keys=("national_id", "email", "phone", "street || postal_code"),
    namesakes=None,
    household_keys=("family || '|' || street || '|' || postal_code",),
    twin_keys=tuple(
        f"birth || '|' || family || '|' || {contact}" for contact in ("phone", "email", "street")
    ),
    same_given=_LIKE_GIVEN,
)
