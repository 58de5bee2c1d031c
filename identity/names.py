"""Personal names: split into family and given name, folded for matching, read aloud.

Every name gets up to three keys: kanji (variants folded), kana (as somebody wrote it down) and
sound (kana, romaji or a reading learned from records that have both kanji and kana).
"""

import polars as pl

from identity.blocklist import Blocklist
from identity.lexicon import Lexicon
from identity.surnames import SURNAMES
from identity.text import (
    by_value,
    is_kana,
    is_latin,
    katakana,
    plain_kana,
    plain_kanji,
    romaji_to_kana,
    sound,
)

# A display name somebody chose, not the name they are called by in other sources.
NICKNAME_SOURCES = ["line_friends"]
# A reading is taken for granted when at least this share of the records that show it agree.
_READING_SHARE = 0.8
_LONGEST_SURNAME = 6
# A common surname stays one, however many records of a shop have it in the wrong field.
_BUILT_IN_VOTES = 1_000

NAME_FIELDS = (
    "last_name",
    "first_name",
    "full_name",
    "last_name_kana",
    "first_name_kana",
    "full_name_kana",
)


def tidy_names(records: pl.DataFrame, blocklist: Blocklist) -> pl.DataFrame:
    """Each name field without what is no name, and full names with a space split in two."""
    tidy = []
    for field in NAME_FIELDS:
        text = name_text(field)
        tidy.append(pl.when(~blocklist.blocks("name", text)).then(text).alias(field))
    names = records.lazy().with_columns(tidy).collect()
    # A name typed in kana is its own reading, in whichever field it was typed.
    for name in NAME_FIELDS[:3]:
        typed_kana = pl.when(is_kana(pl.col(name))).then(pl.col(name))
        reading = katakana(pl.coalesce(f"{name}_kana", typed_kana))
        names = names.with_columns(reading.alias(f"{name}_kana"))
    return _split_spaced(_split_spaced(names, ""), "_kana")


def read_names(records: pl.DataFrame, lexicon: Lexicon) -> pl.DataFrame:
    """Split the other full names with what all tidy names teach; add kanji, kana, sound keys."""
    names = _unswap(_unswap(records, "", lexicon), "_kana", lexicon)
    families, givens = (
        lexicon.of(part, lambda part=part: _vocabulary(names, part)).select(name="value")
        for part in ("family", "given")
    )
    split = _split_joined(_split_joined(names, "", families, givens), "_kana", families, givens)
    split = _split_latin(split, families)
    return _add_sounds(_add_spellings(split), lexicon).drop("full_name", "full_name_kana")


def name_text(field: str) -> pl.Expr:
    """What was typed as a name, without titles and remarks; null where it is a nickname."""
    text = pl.col(field).str.replace_all(r"\(.*?\)", "")
    text = text.str.replace_all(r"[ ・、,_]+", " ").str.replace(r"(様|殿| ?御中| さん)$", "")
    return pl.when(~pl.col("source").is_in(NICKNAME_SOURCES)).then(text.str.strip_chars())


def _split_spaced(names: pl.DataFrame, side: str) -> pl.DataFrame:
    """Move full names with a space into last and first name; romaji waits, its order is open."""
    last, first, full = (f"{part}_name{side}" for part in ("last", "first", "full"))
    parts = pl.col(full).str.splitn(" ", 2).struct
    in_parts = pl.col(last).is_not_null() | pl.col(first).is_not_null()
    spaced = pl.col(full).str.contains(" ", literal=True) & ~is_latin(pl.col(full))
    spaced = ~in_parts & spaced.fill_null(False)
    return names.with_columns(
        pl.when(spaced).then(parts.field("field_0")).otherwise(last).alias(last),
        pl.when(spaced).then(parts.field("field_1")).otherwise(first).alias(first),
        pl.when(~in_parts & ~spaced).then(full).alias(full),
    )


def _plain(name: pl.Expr) -> pl.Expr:
    """The form in which names are looked up; as long as the name, letter for letter."""
    return plain_kana(plain_kanji(name))


def _unswap(names: pl.DataFrame, side: str, lexicon: Lexicon) -> pl.DataFrame:
    """Put names back that were typed into each other's fields, as all other records tell."""
    last, first = f"last_name{side}", f"first_name{side}"
    both = names.select(last, first).drop_nulls()
    votes = lexicon.of(f"as_family{side}", lambda: _votes(both, side))
    votes = votes.select(name="value", as_family="number")
    swapped = (
        both.unique()
        .join(votes, left_on=_plain(pl.col(last)), right_on="name")
        .join(votes, left_on=_plain(pl.col(first)), right_on="name", suffix="_first")
        .filter((pl.col("as_family") <= 0) & (pl.col("as_family_first") > 0))
        .select(last, first, is_swapped=True)
    )
    if swapped.is_empty():
        return names
    names = names.join(swapped, on=[last, first], how="left", maintain_order="left")
    is_swapped = pl.col("is_swapped").fill_null(False)
    return names.with_columns(
        pl.when(is_swapped).then(first).otherwise(last).alias(last),
        pl.when(is_swapped).then(last).otherwise(first).alias(first),
    ).drop("is_swapped")


def _votes(both: pl.DataFrame, side: str) -> pl.DataFrame:
    """How many more records have a name as family name than as given name."""
    last, first = both.columns
    built_in = pl.DataFrame({"value": [pair[side == "_kana"] for pair in SURNAMES]})
    seen = pl.concat(
        [
            both.select(_plain(pl.col(last)).alias("value"), number=1),
            both.select(_plain(pl.col(first)).alias("value"), number=-1),
            built_in.select(_plain(pl.col("value")), number=_BUILT_IN_VOTES),
        ]
    )
    return seen.group_by("value").agg(pl.col("number").sum())


def _vocabulary(names: pl.DataFrame, part: str) -> pl.DataFrame:
    """Family or given names that stand alone somewhere; among family names the built-in ones."""
    column = {"family": "last_name", "given": "first_name"}[part]
    columns = [_plain(pl.col(c)).alias("value") for c in (column, f"{column}_kana")]
    found = pl.concat([names.select(c) for c in columns]).drop_nulls()
    found = found.filter(is_latin(pl.col("value")).not_())
    if part == "family":
        built_in = pl.DataFrame({"value": [text for pair in SURNAMES for text in pair]})
        found = pl.concat([found, built_in.select(_plain(pl.col("value")))])
    return found.unique()


def _split_joined(
    names: pl.DataFrame, side: str, families: pl.DataFrame, givens: pl.DataFrame
) -> pl.DataFrame:
    """Split full names without a space after a known family name."""
    full = f"full_name{side}"
    joined = names.select(pl.col(full).alias("joined")).drop_nulls().unique()
    joined = joined.with_columns(_plain(pl.col("joined")).alias("plain"))
    longest = pl.col("plain").str.len_chars().clip(upper_bound=_LONGEST_SURNAME)
    cuts = (
        joined.with_columns(pl.int_ranges(1, longest + 1).alias("cut"))
        .explode("cut", empty_as_null=False, keep_nulls=False)
        .with_columns(
            pl.col("plain").str.head(pl.col("cut")).alias("name"),
            pl.col("plain").str.slice(pl.col("cut")).alias("rest"),
        )
        .join(families, on="name", how="semi")
        .join(givens.with_columns(is_given=True), left_on="rest", right_on="name", how="left")
        # 小野寺一郎: the split that leaves a known given name wins, then the longer surname.
        .sort("joined", pl.col("is_given").fill_null(False), "cut", descending=[False, True, True])
        .unique("joined", keep="first", maintain_order=True)
        .select(pl.col("joined").alias(full), "cut")
    )
    names = names.join(cuts, on=full, how="left", maintain_order="left")
    last, first = f"last_name{side}", f"first_name{side}"
    split = pl.col("cut").is_not_null()
    given = pl.col(full).str.slice(pl.col("cut"))
    return names.with_columns(
        pl.when(split).then(pl.col(full).str.head(pl.col("cut"))).otherwise(last).alias(last),
        pl.when(split).then(pl.when(given != "").then(given)).otherwise(first).alias(first),
        pl.when(~split).then(full).alias(full),
    ).drop("cut")


def _split_latin(names: pl.DataFrame, families: pl.DataFrame) -> pl.DataFrame:
    """Romaji puts the given name first, unless only the first word is a known family name."""
    heard = families.select(sound(pl.col("name"))).unique()["name"].implode()
    words = pl.col("latin").str.splitn(" ", 2).struct
    one, two = words.field("field_0"), words.field("field_1")
    one_is, two_is = (sound(romaji_to_kana(word)).is_in(heard) for word in (one, two))
    family_first = one_is & ~two_is
    first = pl.when(family_first).then(two).otherwise(one)
    names = by_value(
        names.with_columns(latin=pl.when(is_latin(pl.col("full_name"))).then("full_name")),
        "latin",
        latin_last=pl.when(family_first).then(one).otherwise(two),
        latin_first=pl.when(two.is_not_null()).then(first),
    )
    return names.with_columns(
        last_name=pl.coalesce("last_name", "latin_last"),
        first_name=pl.coalesce("first_name", "latin_first"),
    ).drop("latin", "latin_last", "latin_first")


def _add_spellings(names: pl.DataFrame) -> pl.DataFrame:
    """Kanji and kana keys; a whole name is known when both parts are, or when it has no parts."""
    for part, column in (("family", "last_name"), ("given", "first_name")):
        written, kana = pl.col(column), pl.col(f"{column}_kana")
        is_kanji = ~is_kana(written) & ~is_latin(written)
        names = names.with_columns(
            pl.when(is_kanji).then(_plain(written)).alias(f"{part}_kanji"),
            pl.when(is_kana(kana)).then(plain_kana(kana)).alias(f"{part}_kana"),
        )
    whole_kanji = pl.when(~is_kana(pl.col("full_name")) & ~is_latin(pl.col("full_name"))).then(
        _plain(pl.col("full_name"))
    )
    return names.with_columns(
        pl.coalesce(pl.col("family_kanji") + pl.col("given_kanji"), whole_kanji).alias(
            "name_kanji"
        ),
        pl.coalesce(
            pl.col("family_kana") + pl.col("given_kana"), plain_kana(pl.col("full_name_kana"))
        ).alias("name_kana"),
    )


def _add_sounds(names: pl.DataFrame, lexicon: Lexicon) -> pl.DataFrame:
    """How each part is read: from kana, from romaji, else as other records read that kanji.

    Also how many records have each given name, as it sounds; one that was not seen counts as one.
    """
    written = names
    for part, column in (("family", "last_name"), ("given", "first_name")):
        readings = lexicon.of(f"{part}_reading", lambda part=part: _readings(written, part))
        readings = readings.select(pl.col("value").alias(f"{part}_kanji"), reading="text")
        names = names.join(readings, on=f"{part}_kanji", how="left", maintain_order="left")
        latin = pl.when(is_latin(pl.col(column))).then(column)
        names = by_value(
            names.with_columns(latin=latin), "latin", romaji=romaji_to_kana(pl.col("latin"))
        )
        heard = pl.coalesce(f"{part}_kana", "romaji", "reading")
        names = by_value(
            names.with_columns(heard=heard), "heard", **{f"{part}_sound": sound(pl.col("heard"))}
        ).drop("latin", "romaji", "reading", "heard")
    given = names.select(value="given_sound").drop_nulls()
    seen = lexicon.of("given_seen", lambda: given.group_by("value").agg(number=pl.len()))
    seen = seen.select(given_sound="value", given_seen=pl.col("number").cast(pl.Int64))
    names = names.join(seen, on="given_sound", how="left", maintain_order="left")
    return names.with_columns(
        pl.coalesce(
            pl.col("family_sound") + pl.col("given_sound"), sound(pl.col("name_kana"))
        ).alias("name_sound"),
        pl.col("given_seen").fill_null(1),
    )


def _readings(names: pl.DataFrame, part: str) -> pl.DataFrame:
    """The usual reading of each kanji name, where the records agree on one."""
    kanji, kana = f"{part}_kanji", f"{part}_kana"
    seen = names.select(kanji, kana).drop_nulls()
    if part == "family":
        built_in = pl.DataFrame(SURNAMES, schema=[kanji, kana], orient="row")
        seen = pl.concat(
            [seen, built_in.select(plain_kanji(pl.col(kanji)), plain_kana(pl.col(kana)))]
        )
    counted = seen.group_by(kanji, kana).len()
    share = pl.col("len") / pl.col("len").sum().over(kanji)
    return counted.filter(share >= _READING_SHARE).select(value=kanji, text=kana)
