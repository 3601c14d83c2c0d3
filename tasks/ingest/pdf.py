"""Reader for PDF: the text of its pages, in the order in which it is painted.

By pypdf, which is plain Python and has no dependencies. A PDF that opens without a password is read
even if it is encrypted; pages that are images hold no text, and there is no text recognition here.
"""

import logging
import re
from collections.abc import Iterator

from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import Record, Text, first_line, sound
from tasks.ingest.text_encoding import Undecodable


def read_pdf(file: OpenFile) -> Iterator[Record]:
    """A PDF's text, pages parted by a blank line; its title is the document's, or its first line.

    Raises:
        Undecodable: it is encrypted, a scan, damaged or too long.

    Not covered: the order of columns where a file paints them in another one, and lines of a
    paragraph, which stay the lines of the page.
    """
    from pypdf import PasswordType, PdfReader
    from pypdf.errors import FileNotDecryptedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings name no file
    stream = file.seekable()
    pages: list[str] = []
    characters = unreadable = 0
    title = None
    try:
        reader = PdfReader(stream)
        if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
            raise Undecodable("is encrypted")
        for page in reader.pages:
            try:
                text = sound(page.extract_text()).strip()
            except Exception:  # whatever a page holds: see below
                unreadable += 1
                continue
            pages.append(text)
            characters += len(text)
            if characters > file.longest:
                raise Undecodable(file.too_long)
        title = reader.metadata.title if reader.metadata else None
    except Undecodable:
        raise
    except FileNotDecryptedError:
        raise Undecodable("is encrypted") from None
    except Exception as error:
        # On damaged files pypdf raises whatever its parsing stumbles over (KeyError, TypeError,
        # RecursionError, ...): all of it means this one thing.
        raise Undecodable(f"is no PDF that can be read ({type(error).__name__})") from None
    if unreadable and not any(pages):
        raise Undecodable("is no PDF that can be read (none of its pages)")
    if not any(pages):
        raise Undecodable("is a PDF without text: a scan")
    text = re.sub(r"\n{3,}", "\n\n", "\n\n".join(filter(None, pages)))
    meta = {"pages": len(pages) + unreadable}
    if unreadable:
        meta["unreadable_pages"] = unreadable
    yield Text(text, sound(str(title or "")).strip() or first_line(text), meta=meta)
