"""Pages as they were fetched, on disk: one that has not changed is not sent twice.

Each address has a JSON file with what is known of its page, and a file with the page's bytes, both
named by a hash. The JSON is written last and by renaming, and says the hash of the bytes, so that
a page is there whole or not at all. The JSON file's time is when the server was last asked.
"""

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from chatwright.whole_file import write_whole

FOLDER = Path(".chatwright/web")


@dataclass(frozen=True)
class Page:
    """What was fetched: ``final`` is where redirects led, ``fetched_at`` ISO 8601 in UTC, when
    the server first gave these bytes; ``body`` is None until it is kept."""

    address: str
    final: str
    content_type: str
    charset: str | None
    etag: str | None
    last_modified: str | None
    fetched_at: str
    sha256: str
    body: Path | None = None

    def content(self) -> bytes:
        """Its bytes."""
        if self.body is None:
            raise ValueError("the page is not kept yet")
        return self.body.read_bytes()


class Cache:
    """The pages kept in a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def _name(self, address: str) -> str:
        return hashlib.sha256(address.encode()).hexdigest()[:32]

    def _about(self, address: str) -> Path:
        return self._folder / f"{self._name(address)}.json"

    def get(self, address: str) -> Page | None:
        """The page of an address, if it is there and whole."""
        try:
            known = json.loads(self._about(address).read_text(encoding="utf-8"))
            page = Page(**{**known, "body": self._folder / known["body"]})
            whole = hashlib.sha256(page.content()).hexdigest() == page.sha256
        except (OSError, ValueError, TypeError, KeyError):
            return None  # not there, or half there: it is fetched
        return page if whole and page.address == address else None

    def age_hours(self, address: str) -> float:
        """How long ago the server was last asked for the page of an address that is there."""
        return (time.time() - self._about(address).stat().st_mtime) / 3600

    def touch(self, address: str) -> None:
        """Note that the server has just said that the page is unchanged."""
        os.utime(self._about(address))

    def put(self, page: Page, content: bytes) -> Page:
        """Keep a page; if its bytes are those kept already, with the time of when they came."""
        self._folder.mkdir(parents=True, exist_ok=True)
        before = self.get(page.address)
        body = self._folder / f"{self._name(page.address)}-{page.sha256[:16]}.body"
        if not before or before.sha256 != page.sha256:
            partial = body.with_suffix(".partial")
            with open(partial, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(body)
        known = {**asdict(page), "body": body.name}
        if before and before.sha256 == page.sha256:
            known["fetched_at"] = before.fetched_at
        write_whole(self._about(page.address), json.dumps(known, indent=1, ensure_ascii=False))
        if before and before.body and before.body != body:
            before.body.unlink(missing_ok=True)
        return Page(**{**known, "body": body})
