"""XML in any encoding, as expat can read it.

Expat knows UTF-8, UTF-16, Latin-1 and what takes one byte a character; Chinese and Japanese
encodings, and names that no one knows, it refuses.
"""

import re

from tasks.ingest.text_encoding import decode

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")


def in_utf8(xml: bytes) -> bytes:
    """The same XML in UTF-8, without a declaration that says otherwise.

    Raises:
        Undecodable: it is no text, or in no encoding known here.

    >>> in_utf8('<?xml version="1.0" encoding="gb2312"?><a>中文</a>'.encode("gb2312")).decode()
    '<a>中文</a>'
    """
    return _DECLARATION.sub("", decode(xml, declared_in_html=True).text, count=1).encode()
