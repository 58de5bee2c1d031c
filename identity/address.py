"""Japanese addresses: prefecture, and the block (town and first two numbers) as matching keys."""

import polars as pl

from identity.blocklist import Blocklist
from identity.text import plain_kanji

_PREFECTURE = r"^(東京都|北海道|京都府|大阪府|[^0-9 ]{2,3}県)"
_DIGITS = "一二三四五六七八九"


def _chome_numbers() -> dict[str, str]:
    """十二丁目 → 12- for one to fifty-nine, longest first."""
    numbers = {}
    for value in range(1, 60):
        tens, ones = divmod(value, 10)
        ten = ("" if tens < 2 else _DIGITS[tens - 1]) + ("十" if tens else "")
        numbers[ten + (_DIGITS[ones - 1] if ones else "")] = str(value)
    table = {f"{kanji}丁目": f"{value}-" for kanji, value in numbers.items()}
    return dict(sorted(table.items(), key=lambda item: -len(item[0])))


_CHOME = _chome_numbers()
_UNITS = {"丁目": "-", "番地の": "-", "番地": "-", "番": "-", "号": "-"}
_SPELLINGS = {
    " ": "",
    "-": "",
    "大字": "",
    "字": "",
    "ヶ": "ケ",
    "ヵ": "ケ",
    "が": "ケ",
    "ガ": "ケ",
    "之": "ノ",
    "の": "ノ",
}


def add_address_keys(records: pl.DataFrame) -> pl.DataFrame:
    """Move the prefecture out of the address; add the keys town_block and postal_block."""
    in_front = pl.col("address").str.extract(_PREFECTURE)
    records = records.with_columns(
        address=pl.col("address").str.replace(_PREFECTURE, "").str.strip_chars_start(),
        prefecture=pl.coalesce("prefecture", in_front),
    )
    numbered = pl.col("address").str.replace_many(_CHOME, leftmost=True)
    numbered = numbered.str.replace_many(_UNITS, leftmost=True)
    numbered = numbered.str.replace_all("[‐-―−ー]([0-9])", "-$1")
    numbered = numbered.str.replace_all("([0-9])の([0-9])", "$1-$2")
    records = records.with_columns(numbered.str.replace_all("-+", "-").alias("numbered"))
    # 北3条西4-2: the block is where numbers are joined, not the number of a street.
    joined = pl.col("numbered").str.extract_groups("^(.*?)([0-9]+-[0-9]+)")
    single = pl.col("numbered").str.extract_groups("^([^0-9]*)([0-9]+)")
    records = records.with_columns(joined.alias("joined"), single.alias("single"))
    parts = [
        pl.coalesce(pl.col("joined").struct[n], pl.col("single").struct[n]).alias(name)
        for n, name in enumerate(("town", "block"))
    ]
    town = plain_kanji(pl.col("town")).str.replace_many(_SPELLINGS)
    return (
        records.with_columns(parts)
        .with_columns(
            town_block=pl.concat_str(town, "block", separator="|"),
            postal_block=pl.concat_str("postal_code", "block", separator="|"),
        )
        .drop("numbered", "joined", "single", "town", "block")
    )


def postal_key(postal_code: pl.Expr, blocklist: Blocklist) -> pl.Expr:
    """Seven digits, else null."""
    digits = postal_code.str.replace_all(r"[^0-9]", "")
    usable = digits.str.contains(r"^[0-9]{7}$") & ~blocklist.blocks("postal_code", digits)
    return pl.when(usable).then(digits)
