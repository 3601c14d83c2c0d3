"""International bank account numbers (ISO 13616): the length by country, and a remainder by 97."""

import re

from tasks.preprocess.personal_data.spans import Span

# The SWIFT registry's lengths.
LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
_ALPHANUMERIC = re.compile("[A-Za-z0-9]")
_WRITTEN = {length: re.compile(rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")
            for length in set(LENGTHS.values())}  # fmt: skip


def iban(text: str, start: int) -> Span | None:
    """The IBAN whose two letters stand at ``start``, if one does; with spaces or hyphens in it."""
    length = LENGTHS.get(text[start : start + 2].upper())
    found = _WRITTEN[length].match(text, start) if length else None
    if found and remainder_is_one("".join(_ALPHANUMERIC.findall(found[0]))):
        return Span(start, found.end(), "iban")
    return None


def remainder_is_one(number: str) -> bool:
    """Whether an IBAN without spaces passes its check (ISO 7064, MOD 97-10).

    >>> remainder_is_one("GB82WEST12345698765432"), remainder_is_one("GB83WEST12345698765432")
    (True, False)
    """
    moved = number[4:] + number[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
