"""Japanese names, phones, addresses: what is compared, what ties records, what parts people."""

from identity.comparisons import Comparison, Level, edited, either_null
from identity.profile import Profile
from identity.rulebook import read_rules

_FEATURES = """
    rec, source, source_id, member_id, web_user_id, line_user_id, unique_id, national_id,
    gender,
    family_kanji, given_kanji, family_kana, given_kana, family_sound, given_sound, given_seen,
    name_kanji, name_kana, name_sound, strftime(birth_on, '%Y%m%d') as birth, birth_md,
    email, email_local, phone,
    case when phone_kind = 'mobile' then phone end as mobile,
    case when phone_kind <> 'mobile' then phone end as landline,
    postal_code, left(postal_code, 3) as area, town_block, postal_block
"""

# ユウキ and ユキ sound the same, as romaji may write them, but written in kana they are two names.
_SAME_GIVEN = """coalesce(
    l.given_kanji = r.given_kanji or l.given_kana = r.given_kana
    or (l.given_sound = r.given_sound and (l.given_kana is null or r.given_kana is null)),
    false
)"""
# One letter off a common name, and itself hardly ever seen: a typing error, not a sister.
_TYPO = f"""case
    when least(l.given_seen, r.given_seen) > 2
        and least(l.given_seen, r.given_seen) * 20 > greatest(l.given_seen, r.given_seen)
        then false
    else {edited("given_sound")}
end"""
_OTHER_GIVEN = f"""case
    when {_SAME_GIVEN} then false
    when l.given_sound is not null and r.given_sound is not null then not {_TYPO}
    else coalesce(l.given_kanji <> r.given_kanji, false)
end"""
_OTHER_GENDER = f"(coalesce(l.gender <> r.gender, false) and not {_SAME_GIVEN})"
# Two digits apart is a typing error, swapped digits included.
_OTHER_BIRTH = "coalesce(hamming(l.birth, r.birth) > 2, false)"
_SAME_CONTACT = "coalesce(l.email = r.email or l.mobile = r.mobile, false)"

# Two people, whatever else agrees: members of a household share all but their given name.
_CONTRADICTION = f"({_OTHER_GIVEN} or {_OTHER_GENDER} or ({_OTHER_BIRTH} and not {_SAME_CONTACT}))"
# The same without a look at the contact points, which only a direct comparison of records has.
_TWO_PEOPLE = f"({_OTHER_GIVEN} or {_OTHER_GENDER} or {_OTHER_BIRTH})"
# A declared link is broken by another person's name, unless the birthday vouches for it.
_BROKEN_LINK = f"({_CONTRADICTION} and coalesce(l.birth <> r.birth, true))"


# Each key with the most records that may share it. A name says something by itself only where
# it is rare; the rest is bounded so that no value, however common, makes quadratically many pairs.
_BLOCKING = {
    "phone": 60,
    "email_local": 30,
    "name_sound": 12,
    "name_kanji": 12,
    "name_sound || area": 60,
    "name_kanji || area": 60,
    "name_sound || birth_md": 60,
    "name_kanji || birth_md": 60,
    "given_sound || birth": 60,
    "family_sound || birth": 60,
    "family_kanji || birth": 60,
    "family_sound || coalesce(town_block, postal_block)": 60,
    "family_kanji || coalesce(town_block, postal_block)": 60,
    "given_sound || coalesce(town_block, postal_block)": 60,
}

_SAME_FAMILY = "(l.family_kanji = r.family_kanji or l.family_sound = r.family_sound)"
_NO_NAME = "coalesce({0}.name_kanji, {0}.name_kana, {0}.name_sound) is null"
_SAME_BLOCK = "(l.town_block = r.town_block or l.postal_block = r.postal_block)"

_COMPARISONS = (
    Comparison(
        "name",
        f"{_NO_NAME.format('l')} or {_NO_NAME.format('r')}",
        (
            # Training must not learn from households that one person has two given names.
            Level("other given name", _OTHER_GIVEN, fixed_m=1e-6),
            Level(
                "kanji and kana",
                "l.name_kanji = r.name_kanji and l.name_kana = r.name_kana",
                "name_kanji",
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
                f"{edited('name_sound')} or ({edited('name_kanji')} and {_SAME_GIVEN})",
            ),
            Level("given name only", _SAME_GIVEN, "given_sound", "given_sound"),
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
        either_null("birth_md"),
        (
            Level("date", "l.birth = r.birth", "birth"),
            Level("month and day", "l.birth_md = r.birth_md", "birth_md"),
            Level("typing error", "hamming(l.birth, r.birth) <= 2"),
            Level("other birthday", "else"),
        ),
    ),
    Comparison(
        "phone",
        either_null("phone"),
        (
            Level("mobile", "l.mobile = r.mobile", "phone"),
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
        either_null("email_local"),
        (
            Level("address", "l.email = r.email", "email"),
            Level("name before @", "l.email_local = r.email_local"),
            Level("typing error", edited("email_local")),
            Level("other address", "else"),
        ),
    ),
    Comparison(
        "address",
        f"({either_null('town_block')}) and ({either_null('postal_code')})",
        (
            Level("block", _SAME_BLOCK, "coalesce(town_block, postal_block)"),
            Level("postal code", "l.postal_code = r.postal_code"),
            Level("area", "l.area = r.area"),
            Level("other address", "else"),
        ),
    ),
    Comparison(
        "gender",
        either_null("gender"),
        (Level("same", "l.gender = r.gender"), Level("other gender", "else")),
    ),
)

JAPANESE = Profile(
    name="japanese",
    features=_FEATURES,
    given=("given_sound", "given_kanji"),
    name_columns=("name_sound", "name_kanji"),
    name_parts={
        f"name_{form}": (f"family_{form}", f"given_{form}") for form in ("kanji", "kana", "sound")
    },
    person=("given_kanji", "given_kana", "given_sound", "given_seen", "gender", "birth"),
    comparisons=_COMPARISONS,
    rulebook=read_rules()["japanese"],
    blocking=_BLOCKING,
    two_people=_TWO_PEOPLE,
    contradiction=_CONTRADICTION,
    broken_link=_BROKEN_LINK,
    name_key="name_sound",
    contact_keys=("email", "mobile"),
    namesakes=f"""
        hamming(l.birth, r.birth) > 2
        and not coalesce(l.phone = r.phone or l.email = r.email or {_SAME_BLOCK}, false)
    """,
    household_keys=(
        "family_sound || '|' || coalesce(town_block, postal_block)",
        "family_kanji || '|' || coalesce(town_block, postal_block)",
        "family_sound || '|' || landline",
    ),
    twin_keys=tuple(
        f"birth || '|' || coalesce(family_sound, family_kanji) || '|' || {contact}"
        for contact in ("phone", "email", "town_block", "postal_block")
    ),
    same_given=_SAME_GIVEN,
)
