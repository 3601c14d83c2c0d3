"""Lists of given names and surnames, and of everyday words, as the package Faker carries them.

Faker makes data up from these lists. Of the packages with names it is the one that is looked after:
names of some forty countries in Latin letters, under the MIT licence, in 2 MB. The package
``names`` has more surnames, of the United States' census of 1990, and was last touched in 2013;
``names-dataset`` was made from what leaked out of Facebook.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import NamedTuple

from chatwright.errors import MissingInput

_COUNTRIES = (
    "az_AZ cs_CZ da_DK de_AT de_CH de_DE en en_GB en_IE en_IN en_KE en_NG en_NZ en_PK en_US"
    " es es_AR es_CL es_CO es_ES es_MX et_EE fi_FI fr_BE fr_CA fr_FR ga_IE ha_NG hr_HR hu_HU"
    " id_ID ig_NG is_IS it_IT lt_LT lv_LV nl_BE nl_NL no_NO pl_PL pt_BR pt_PT ro_RO sk_SK"
    " sl_SI sv_SE sw tr_TR tw_GH uz_UZ vi_VN yo_NG zu_ZA"
).split()
_ENGLISH = ("en_GB", "en_US")
_WRITTEN = re.compile(r"[^\W\d_a-z][^\W\d_]+(?:['’-][^\W\d_]+)*")


class NameLists(NamedTuple):
    """What words may be.

    Attributes:
        given: given names of all countries.
        english: those that are given in Britain and the United States.
        surnames: surnames of all countries.
        words: everyday English words, in lower case.
    """

    given: frozenset[str]
    english: frozenset[str]
    surnames: frozenset[str]
    words: frozenset[str]


@cache
def name_lists() -> NameLists:
    """The lists, read once.

    Raises:
        MissingInput: the package Faker is not installed.
    """
    try:
        from faker.providers.lorem.en_US import Provider as lorem
    except ImportError:
        raise MissingInput(
            "preprocess.personal_data",
            "the package faker, whose lists tell names, is not installed",
            'Install it with: pip install "chatwright[names]"',
        ) from None
    given: set[str] = set()
    english: set[str] = set()
    surnames: set[str] = set()
    for country in _COUNTRIES:
        provider = import_module(f"faker.providers.person.{country}").Provider
        for attribute in sorted(vars(provider)):
            names = set(_names(getattr(provider, attribute)))
            if attribute.startswith("first_names"):
                given |= names
                if country in _ENGLISH:
                    english |= names
            elif attribute.startswith("last_names"):
                surnames |= names
    words = frozenset(word.lower() for word in lorem.word_list)
    return NameLists(frozenset(given), frozenset(english), frozenset(surnames), words)


def _names(listed: object) -> Iterable[str]:
    if not isinstance(listed, Iterable):
        return ()
    return (name for name in listed if isinstance(name, str) and _WRITTEN.fullmatch(name))
