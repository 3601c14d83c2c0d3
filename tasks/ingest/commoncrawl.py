"""The source ``commoncrawl``: pages out of web archives, WARC and WET.

Of a WARC file, the answers that brought HTML or plain text; of a WET file, its texts. All other
records are counted by reason. Files are read as they come and a record at a time, so their size
does not matter. A document's id is that of its record, ``commoncrawl/4e1b1ee7-...``.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tasks.documents import Document
from tasks.ingest.archives import open_files
from tasks.ingest.formats import text_of_page
from tasks.ingest.gzip_members import GzipMembers
from tasks.ingest.http_response import GZIP_MAGIC, Expands, response, status_of
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import LONGEST_TITLE, Broken, Text, first_line, sound
from tasks.ingest.source_files import Reading, SourceFile, read_anew
from tasks.ingest.text_encoding import Undecodable, decode
from tasks.ingest.warc import WRONG_LENGTH, WarcRecord, warc_records
from tasks.params_ingest import FolderParams
from tasks.progress import Progress, silent

SOURCE = "commoncrawl"
KINDS = ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion")
HTML = ("text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml")
MAJOR_TYPES = ("application", "audio", "font", "image", "message", "model", "text", "video")
NO_TEXT = ("audio", "font", "image", "model", "video")
PAYLOAD_TYPE = "warc-identified-payload-type"
PLACE, CONTENT = "place", "content"
META = {"digest": "warc-payload-digest", "truncated": "warc-truncated"}
DAMAGED_BODY = "page that is cut off or damaged: what could be read of it is taken"
DAMAGED_MEMBER = "damaged place in a gzip file: reading goes on behind it"

_HTML_BEGINS = re.compile(rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)\b", re.I | re.S)


def commoncrawl(
    files: NamedFiles,
    left_out: LeftOut,
    *,
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Document]:
    """The pages in the named files.

    Args:
        files: which, and the limits.
        left_out: gets counted, and named, what is no page or cannot be read.
        reading: what has the files read.

    Raises:
        BadParameter, MissingInput: as ``NamedFiles.found``.
    """
    seen: dict[str, str] = {}
    for page in files.contents(_contents, left_out, reading, progress, in_order=True):
        assert isinstance(page, Document)
        place, content = page.meta.pop(PLACE), page.meta.pop(CONTENT)
        name = _name(page.id, content, seen)
        if name is None:
            left_out.add("same record as before", place)
            continue
        if damaged := page.meta.get("damaged_characters", 0):
            left_out.add("damaged characters", place, count=damaged)
        if "damage" in page.meta:
            left_out.add(DAMAGED_BODY, place, detail=page.meta["damage"])
        yield replace(page, id=name)


def _contents(named: SourceFile, left_out: LeftOut, *, limits: FolderParams) -> Iterator[Document]:
    """The pages in a file, each under the id that its record has, be it there twice."""
    for file in open_files(named.path, named.where, limits, left_out, keeps_packed=(".gz",)):
        for record in _records(file, left_out):
            if file.packed.trouble():
                break  # what is in hand may be half of one thing and half of another
            place = f"{file.where}:{record.number}"
            found = record if isinstance(record, Broken) else _page(record, limits)
            if isinstance(found, Broken):
                left_out.add(found.reason, place, detail=found.detail)
                continue
            assert isinstance(record, WarcRecord)
            if record.wrong_length:
                left_out.add(WRONG_LENGTH, place, detail=record.wrong_length)
            yield _document(found, record, file)


def _records(file: OpenFile, left_out: LeftOut) -> Iterator[WarcRecord | Broken]:
    """The records of a file, numbered from 1; places where its compression is damaged count."""
    is_gzip = file.head(len(GZIP_MAGIC)) == GZIP_MAGIC
    if not is_gzip:
        yield from warc_records(file.stream.read, file.longest)
        return
    members = GzipMembers(file.stream, file.packed)
    number = 0
    for read in members.pieces():
        for record in warc_records(read, file.longest, number):
            number = record.number
            yield record
    for damage in members.damages:
        left_out.add(DAMAGED_MEMBER, file.where, detail=damage)


def _page(record: WarcRecord, limits: FolderParams) -> Text | Broken:
    """What a record has to say, or why it has nothing."""
    try:
        if record.kind == "response":
            return _answer(record, limits)
        if record.kind == "conversion":
            text = decode(record.block)
            found = Text(text.text, first_line(text.text))
            return found if text.text.strip() else _passed_over(record, "no text in it")
    except (Undecodable, Expands) as error:
        return Broken(record.number, str(error))
    kind = record.kind if record.kind in KINDS else "other"
    return _passed_over(record, f"{kind} record")


def _passed_over(record: WarcRecord, reason: str) -> Broken:
    return Broken(record.number, reason, is_empty=True)


def _answer(record: WarcRecord, limits: FolderParams) -> Text | Broken:
    """The page that a server sent."""
    status = status_of(record.block)
    if status is None:
        return _passed_over(record, "response that is not HTTP")
    if not 200 <= status < 300:
        known = status if 100 <= status < 600 else "unknown"
        return _passed_over(record, f"HTTP status {known}")
    if (record.url or "").split("?")[0].endswith("/robots.txt"):
        return _passed_over(record, "robots.txt")
    if _major(record.headers.get(PAYLOAD_TYPE, "")) in NO_TEXT:  # no need to unpack it
        return _no_page(record, record.headers[PAYLOAD_TYPE])
    answer = response(record.block, limits.max_document_bytes, limits.max_expansion)
    mime = record.headers.get(PAYLOAD_TYPE, answer.mime).lower()
    is_html = _HTML_BEGINS.match(answer.body) is not None
    if not is_html and mime not in (*HTML, "text/plain"):
        return _no_page(record, mime)
    if not answer.body.strip():
        return _passed_over(record, "no text in it")
    is_html = is_html or mime in HTML
    decoded = decode(answer.body, declared_in_html=is_html, charset=answer.charset)
    found = text_of_page(decoded) if is_html else Text(decoded.text, first_line(decoded.text))
    if not found.text.strip():
        return _passed_over(record, "no text in it")
    meta: dict[str, Any] = {"mime": mime, "status": status, "encoding": decoded.encoding}
    if decoded.broken:
        meta["damaged_characters"] = decoded.broken
    if answer.trouble:
        meta["damage"] = answer.trouble
    return Text(found.text, found.title, meta=meta)


def _no_page(record: WarcRecord, mime: str) -> Broken:
    return _passed_over(record, f"neither HTML nor plain text: {_major(mime)}")


def _major(mime: str) -> str:
    """The first half of a type, ``image`` of ``image/png``; there is no end of second halves."""
    major = mime.split("/")[0].strip().lower()
    return major if major in MAJOR_TYPES else "of no known type"


def _name(name: str, content: str, seen: dict[str, str]) -> str | None:
    """A name that no other record has; None for one that is there already, byte for byte.

    It is the record's own, and if a crawler has given that twice, with its content's hash.
    """
    for each in (name, f"{name}-{content}"):
        before = seen.get(each)
        if before is None:
            seen[each] = content
            return each
        if before == content:
            return None
    return None


def _told_name(record: WarcRecord) -> str:
    """The record's own name, or where it has none, one made of its address and time."""
    told = record.headers.get("warc-record-id", "").strip("<> ").removeprefix("urn:uuid:")
    if not told:
        told = hashlib.blake2b(
            f"{record.url} {record.headers.get('warc-date')}".encode(), digest_size=16
        ).hexdigest()
    return sound("".join(told.split()))


def _document(found: Text, record: WarcRecord, file: OpenFile) -> Document:
    """A page; its ``meta`` says, for as long as it may be one that came before, what tells that."""
    name = _told_name(record)
    url = record.url and sound(record.url)
    title = " ".join(sound(found.title or "").split())[:LONGEST_TITLE]
    meta: dict[str, Any] = {"path": file.where, **found.meta}
    for key, header in META.items():
        if header in record.headers:
            meta[key] = record.headers[header]
    meta[PLACE] = f"{file.where}:{record.number}"
    meta[CONTENT] = hashlib.blake2b(record.block, digest_size=8).hexdigest()
    text = sound(found.text)
    return Document(
        id=f"{SOURCE}/{name}",
        source=SOURCE,
        url=url,
        title=title or url or name,
        text=text,
        # What a page says of its language is often what its template says.
        lang=language(text),
        fetched_at=_time(record.headers.get("warc-date", "")),
        meta=meta,
    )


def _time(told: str) -> datetime | None:
    """The time of a record in UTC; None if it is told in no way that is known."""
    try:
        time = datetime.fromisoformat(told)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
