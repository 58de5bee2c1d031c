"""Names, places and goods from material.toml, names in every script that people write them in."""

import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

_HALF_WIDTH = {
    unicodedata.normalize("NFKC", half): half
    for code in range(0xFF66, 0xFF9E)
    for half in (chr(code), chr(code) + "ﾞ", chr(code) + "ﾟ")
}
_LARGE_KANA = str.maketrans("ｬｭｮｯ", "ﾔﾕﾖﾂ")
_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F4)}


@cache
def material() -> dict[str, Any]:
    """Everything in material.toml."""
    return tomllib.loads(Path(__file__).with_name("material.toml").read_text(encoding="utf-8"))


def roman(kana: str) -> str:
    """Latin letters as on a passport, with long vowels written out: ショウコ is shouko."""
    signs = material()["kana"]["syllables"].split()
    syllables = dict(zip(signs[::2], signs[1::2], strict=True))
    letters = ""
    for sign in kana:
        if sign in "ャュョ":
            stem = letters[:-1]
            glide = "" if stem.endswith(("sh", "ch", "j")) else "y"
            letters = stem + glide + "auo"["ャュョ".index(sign)]
        else:
            letters += "*" if sign == "ッ" else syllables[sign]
    return re.sub(r"\*(.)", r"\1\1", letters)


def _with_reading(text: str) -> list[tuple[str, str]]:
    return re.findall(r"(\S+?)([ァ-ヴー]+)(?=\s)", text)


def _in_all_scripts(names: list[tuple[str, str]], weights: np.ndarray) -> pl.DataFrame:
    old_forms = str.maketrans(dict(material()["old_forms"]))
    rows = []
    for kanji, kana in names:
        half = "".join(_HALF_WIDTH[sign] for sign in kana)
        scripts = (half, half.translate(_LARGE_KANA), kana.translate(_HIRAGANA), roman(kana))
        rows.append((kanji, kanji.translate(old_forms), kana, *scripts))
    columns = ["kanji", "old_form", "kana", "half", "half_large", "hira", "roman"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(weight=weights)


@cache
def surnames() -> pl.DataFrame:
    """All surnames with their weight: the commonest is borne by 2 people in 100."""
    names = _with_reading(material()["surnames"])
    return _in_all_scripts(names, 1 / (np.arange(len(names)) + 18))


@cache
def given_names(sex: str) -> pl.DataFrame:
    """All given names of one sex with their weight: put together from two parts, or as they are."""
    parts = {name: _with_reading(text) for name, text in material()["given"][sex].items()}
    weights = {
        (kanji + ending, kana + ending_kana): 1 / (i + 12) / (j + 6)
        for i, (kanji, kana) in enumerate(parts["first"])
        for j, (ending, ending_kana) in enumerate(parts["second"])
        if kanji != ending and kana != ending_kana
    }
    share = sum(weights.values()) / 10 / len(parts["whole"])
    weights |= dict.fromkeys(parts["whole"], share)
    return _in_all_scripts(list(weights), np.array(list(weights.values())))


@cache
def towns() -> pl.DataFrame:
    """One row per town: prefecture, city, area code of its telephones, town, postal code."""
    rows = []
    for line in material()["places"].strip().splitlines():
        prefecture, city, area_code, prefix, *names = line.split()
        for number, town in enumerate(names, start=1):
            rows.append((prefecture, city, area_code, town, f"{prefix}00{number * 7:02d}"))
    columns = ["prefecture", "city", "area_code", "town", "postal"]
    return pl.DataFrame(rows, schema=columns, orient="row")


@cache
def goods() -> pl.DataFrame:
    """One row per kind of item: category1, category2, item."""
    lines = [line.split() for line in material()["goods"]["items"].strip().splitlines()]
    rows = [(category, shelf, item) for category, shelf, *items in lines for item in items]
    return pl.DataFrame(rows, schema=["category1", "category2", "item"], orient="row")
