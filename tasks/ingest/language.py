"""The language of a text, as far as its script tells: Chinese or not."""

ENOUGH_HAN = 0.15
"""Chinese texts with much English in them (names, code) still reach this share of Han letters."""

JUDGED_CHARACTERS = 20_000


def language(text: str) -> str:
    """``zh`` where a good share of the letters are Han characters, otherwise ``en``.

    >>> language("复制整个文件夹，用 shutil.copytree")
    'zh'
    >>> language("the sign 中 means middle")
    'en'

    Not covered: any other language, and Japanese with few kana.
    """
    letters = [c for c in text[:JUDGED_CHARACTERS] if c.isalpha()]
    han = sum("\u4e00" <= c <= "\u9fff" or "\u3400" <= c <= "\u4dbf" for c in letters)
    return "zh" if han > ENOUGH_HAN * len(letters) else "en"
