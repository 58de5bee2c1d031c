"""Folding of text: width, kana, variant kanji, sound, contact points; expressions without loops."""

import polars as pl

_HIRAGANA = {chr(code): chr(code + 0x60) for code in range(0x3041, 0x3097)}
# What narrow fields lose (ャ is ヤ, ッ is ツ) and what is written either way (ヅ is ズ).
_PLAIN_KANA = dict(
    zip("ァィゥェォッャュョヮヵヶヂヅヲヴ", "アイウエオツヤユヨワカケジズオブ", strict=True)
)
# ン before a vowel: romaji cannot tell ジュンイチ from ジュニチ.
_SAME_SOUND = {"ー": "", "ンア": "ナ", "ンイ": "ニ", "ンウ": "ヌ", "ンエ": "ネ", "ンオ": "ノ"} | {
    "ンヤ": "ニヤ", "ンユ": "ニユ", "ンヨ": "ニヨ"
}  # fmt: skip

# Old and variant forms, each pair written as variant + the form it is compared as.
_VARIANTS = (
    "髙高 﨑崎 嵜崎 碕崎 𠮷吉 濵浜 濱浜 邊辺 邉辺 齋斎 齊斎 斉斎 澤沢 廣広 嶋島 嶌島 櫻桜 國国 "
    "眞真 惠恵 壽寿 龍竜 榮栄 學学 瀨瀬 德徳 黑黒 靜静 彥彦 聰聡 應応 圓円 條条 關関 藏蔵 萬万 "
    "遙遥 曉暁 禮礼 實実 與与 會会 豐豊 鐵鉄 寬寛 冨富 峯峰 舘館 曾曽 薗園 淺浅 渕淵 縣県 將将 "
    "團団 發発 佛仏 聲声 來来 當当 戀恋 緖緒 晄晃 槇槙 瑤瑶 凜凛 亙亘 莊荘 祿禄 穗穂 綠緑 藝芸 "
    "芦蘆 顯顕 卷巻 絲糸 總総 慎愼 悅悦 亞亜 爲為 鹽塩 劍剣 恆恒 巖巌 盧蘆 棱稜 彌弥 收収 數数 "
    "靑青 淸清 增増 歷歴 瀧滝 澁渋 燈灯 狹狭 獻献 珎珍 翆翠 輕軽 邨村 郞郎 鄕郷 隸隷 穰穣 壯壮 "
    "奧奥 孃嬢 寳宝 寶宝 從従 效効 敎教 晝昼 樂楽 檜桧 每毎 氣気 沒没 滿満 燒焼 爾尓 祢禰 籠篭 "
    "緣縁 薰薫 衞衛 讓譲 賴頼 辯弁 鷗鴎 麥麦 默黙 龜亀 梼檮 靏鶴 舩船"
)
_KANJI = {variant: plain for variant, plain in _VARIANTS.split()}
# Variation selectors, zero-width marks, and voicing marks that NFKC could not join to a kana.
_INVISIBLE = r"[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}\x{200B}-\x{200F}\x{FEFF}\x{3099}\x{309A}]"

_COUNTRY_CODE = r"^(?:\+|00|\b)81[-( ]*0?\)?"

_ROMAJI_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ",
    "h": "ハヒフヘホ", "m": "マミムメモ", "r": "ラリルレロ", "l": "ラリルレロ", "g": "ガギグゲゴ",
    "z": "ザジズゼゾ", "d": "ダヂヅデド", "b": "バビブベボ", "p": "パピプペポ",
}  # fmt: skip
_ROMAJI_OTHER = {
    "ya": "ヤ", "yu": "ユ", "yo": "ヨ", "wa": "ワ", "wo": "ヲ", "shi": "シ", "chi": "チ",
    "tsu": "ツ", "fu": "フ", "ji": "ジ", "n": "ン", "m": "ン", "n'": "ン", "-": "", "'": "",
}  # fmt: skip
_GLIDES = {
    "ky": "キ", "sy": "シ", "sh": "シ", "ty": "チ", "ch": "チ", "ny": "ニ", "hy": "ヒ", "my": "ミ",
    "ry": "リ", "gy": "ギ", "zy": "ジ", "jy": "ジ", "j": "ジ", "by": "ビ", "py": "ピ",
}  # fmt: skip


def _romaji_table() -> dict[str, str]:
    table = dict(_ROMAJI_OTHER)
    for consonant, row in _ROMAJI_ROWS.items():
        table.update({consonant + v: kana for v, kana in zip("aiueo", row, strict=True)})
    for consonant, kana in _GLIDES.items():
        table.update({f"{consonant}{v}": kana + y for v, y in zip("auo", "ヤユヨ", strict=True)})
    # Longest first: the replacement takes the first pattern that fits.
    return dict(sorted(table.items(), key=lambda item: (-len(item[0]), item[0])))


_ROMAJI = _romaji_table()


def compact(text: pl.Expr) -> pl.Expr:
    """NFKC, no invisible characters, single spaces, no blank ends."""
    folded = text.str.normalize("NFKC").str.replace_all(_INVISIBLE, "")
    return folded.str.replace_all(r"\s+", " ").str.strip_chars()


def email_text(email: pl.Expr) -> pl.Expr:
    """An e-mail address as it is compared."""
    return email.str.to_lowercase().str.replace_all(" ", "")


def phone_digits(phone: pl.Expr) -> pl.Expr:
    """A phone number as domestic digits; foreign ones keep their +."""
    foreign = phone.str.contains(r"^\+") & ~phone.str.contains(r"^\+81")
    home = phone.str.replace(_COUNTRY_CODE, "0").str.replace_all(r"[^0-9]", "")
    return pl.when(foreign).then("+" + phone.str.replace_all(r"[^0-9]", "")).otherwise(home)


def null_if_empty(text: pl.Expr) -> pl.Expr:
    """Null for an empty text."""
    return pl.when(text != "").then(text)


def katakana(text: pl.Expr) -> pl.Expr:
    """Hiragana as katakana."""
    return text.str.replace_many(_HIRAGANA)


def plain_kana(text: pl.Expr) -> pl.Expr:
    """Katakana without small letters and without two spellings of one sound."""
    return text.str.replace_many(_PLAIN_KANA)


def plain_kanji(text: pl.Expr) -> pl.Expr:
    """Kanji with variant and old forms replaced by the everyday form."""
    return text.str.replace_many(_KANJI)


def romaji_to_kana(text: pl.Expr) -> pl.Expr:
    """Hepburn or Kunrei romaji as katakana."""
    lower = text.str.to_lowercase().str.replace_many(
        {"ā": "a", "ī": "i", "ū": "u", "ē": "e", "ō": "o", "â": "a", "î": "i", "û": "u", "ô": "o"}
    )
    # Satoh, Ohno: an h that only marks a long vowel; Hattori, Tetchi: a doubled consonant.
    lower = lower.str.replace_all(r"oh([^aeiouy]|$)", "o$1")
    for consonant in "kstpcgbdz":
        lower = lower.str.replace_all(f"{consonant * 2}", f"ツ{consonant}", literal=True)
    lower = lower.str.replace_all("tch", "ツch", literal=True)
    return lower.str.replace_many(_ROMAJI, leftmost=True)


def sound(kana: pl.Expr) -> pl.Expr:
    """Kana as they are heard: long vowels short, as romaji and readings by ear write them."""
    folded = plain_kana(kana).str.replace_many(_SAME_SOUND)
    folded = folded.str.replace_all("([オコソトノホモヨロゴゾドボポ])[ウオ]", "$1")
    return folded.str.replace_all("([ウクスツヌフムユルグズブプ])ウ", "$1")


def is_kana(text: pl.Expr) -> pl.Expr:
    """Whether a name is written in kana only."""
    return text.str.contains(r"^[ぁ-ゖァ-ヶー ]+$")


def is_latin(text: pl.Expr) -> pl.Expr:
    """Whether a name is written in Latin letters only."""
    return text.str.contains(r"^[\p{Latin} .'-]+$")


def by_value(frame: pl.DataFrame, column: str, **made: pl.Expr) -> pl.DataFrame:
    """Add columns made from one column, working out each distinct value once."""
    values = frame.select(column).drop_nulls().unique().with_columns(**made)
    return frame.join(values, on=column, how="left", maintain_order="left")
