"""Pages, politely: robots.txt obeyed, one request at a time to a host, retried, kept on disk.

A page that was fetched within ``ingest.web.recheck_hours`` is not asked for again; after that the
server is asked whether it has changed (ETag, Last-Modified). Each redirect is another request, with
its own host's rules. What cannot be had is a ``Refused`` with the reason.

Not covered: proxies, log-ins, pages that a script makes in the browser.
"""

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from urllib.parse import urljoin, urlsplit

from tasks.ingest.http.addresses import Refused
from tasks.ingest.http.cache import Cache, Page
from tasks.ingest.http.request import Answer, Limits, ask, normalized
from tasks.ingest.http.robots import AGENT, Robots
from tasks.params_web import WebParams

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 10
MOST_FAILURES = 5
"""After so many pages in a row that a host did not give, it is not asked for the rest."""

BACK_OFF_SECONDS = 0.5  # before the second try; doubled before each that follows
MOST_DIGITS = 9  # of seconds: thirty years
MEDIA_TYPE = re.compile(r"\s*([\w.+-]+/[\w.+-]+)", re.A)
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:-]+)", re.A | re.I)
ACCEPT = "text/html, application/xhtml+xml, text/plain;q=0.9, application/pdf;q=0.8, */*;q=0.5"


@dataclass
class _Host:
    """What is known of a host: when it may be asked next, by ``time.monotonic``."""

    delay_seconds: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    not_before: float = 0.0
    failures: int = 0


class Client:
    """Fetches pages; safe to be used by several threads.

    Args:
        params: delays, retries, times.
        longest: the most bytes of a page.
        cache: where pages are kept.
    """

    def __init__(self, params: WebParams, longest: int, cache: Cache) -> None:
        self._params, self._cache = params, cache
        self._limits = Limits(longest, params.timeout_seconds, params.allow_private)
        self._agent = f"{AGENT}/{version('chatwright')}"
        if params.contact:
            self._agent += f" (+{params.contact})"
        self._hosts: dict[str, _Host] = {}
        self._robots: dict[str, Robots | Refused] = {}
        self._guard = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End what other threads wait for."""
        self._stopped.set()

    def page(self, address: str) -> tuple[Page, str | None]:
        """The page of an address.

        Returns:
            The page, and None; or the page as it was kept earlier, and why it could not be had
            anew.

        Raises:
            Refused: it cannot be had.
        """
        try:
            return self._page(address)
        except Refused:
            raise
        # What parsing raises: a server may send anything, and one page is not to end all.
        except (ValueError, ArithmeticError, LookupError) as error:
            detail = f"{type(error).__name__}: {error}"
            raise Refused("its answer makes no sense", " ".join(detail.split())[:200]) from error

    def _page(self, address: str) -> tuple[Page, str | None]:
        kept = self._cache.get(address)
        if kept and self._cache.age_hours(address) < self._params.recheck_hours:
            return kept, None
        host = self._host(address)
        try:
            if host.failures >= MOST_FAILURES:
                raise Refused(
                    f"not asked for, as its host did not give {MOST_FAILURES} in a row",
                    may_pass=True,
                )
            found = self._retried(lambda attempt: self._followed(address, kept, attempt, True))
        except Refused as error:
            if not error.may_pass:
                raise
            host.failures += 1
            if kept is None:
                raise
            return kept, f"as it was fetched earlier ({error.reason})"
        host.failures = 0
        return found, None

    def _host(self, address: str) -> _Host:
        name = urlsplit(address).hostname or ""
        with self._guard:
            return self._hosts.setdefault(name, _Host(self._params.delay_seconds))

    def _retried(self, fetch: Callable[[int], Page]) -> Page:
        for attempt in range(self._params.retries):
            try:
                return fetch(attempt)
            except Refused as error:
                if not error.may_pass or error.is_final or self._stopped.is_set():
                    raise
        return fetch(self._params.retries)

    def _followed(self, address: str, kept: Page | None, attempt: int, obedient: bool) -> Page:
        """The page that an address leads to, after redirects."""
        here, seen = address, {address}
        while True:
            if obedient:
                self._obey(here)
            headers = {"User-Agent": self._agent, "Accept": ACCEPT}
            if kept and kept.final == here:
                if kept.etag:
                    headers["If-None-Match"] = kept.etag
                if kept.last_modified:
                    headers["If-Modified-Since"] = kept.last_modified
            answer = self._asked(here, headers, attempt)
            if answer.status == 304 and kept:
                self._cache.touch(address)
                return kept
            if answer.status == 200:
                return self._kept(address, here, answer)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                raise Refused(
                    f"the server answered {answer.status}", is_absence=400 <= answer.status < 500
                )
            here = _joined(here, answer.headers["location"])
            if here in seen:
                raise Refused("redirects in a loop")
            seen.add(here)
            if len(seen) > MOST_REDIRECTS:
                raise Refused(f"redirects more than {MOST_REDIRECTS} times")

    def _asked(self, address: str, headers: dict[str, str], attempt: int) -> Answer:
        """One request, when its host's time has come; troubles that may pass put it off."""
        host = self._host(address)
        with host.lock:
            if self._stopped.wait(max(0.0, host.not_before - time.monotonic())):
                raise Refused("interrupted")
            wait = host.delay_seconds
            try:
                answer = ask(address, headers, self._limits, stopped=self._stopped)
                if answer.status == 429 or answer.status >= 500:
                    raise self._busy(answer)
                return answer
            except Refused as error:
                if error.may_pass:
                    back_off = min(BACK_OFF_SECONDS * 2**attempt, self._params.max_wait_seconds)
                    wait = max(wait, back_off if error.wait_seconds is None else error.wait_seconds)
                raise
            finally:
                host.not_before = time.monotonic() + wait

    def _busy(self, answer: Answer) -> Refused:
        """The refusal of a server that has too much to do, or a fault."""
        asked = retry_after_seconds(answer.headers.get("retry-after"))
        if asked is None or asked <= self._params.max_wait_seconds:
            reason = f"the server answered {answer.status}"
            return Refused(reason, may_pass=True, wait_seconds=asked)
        return Refused(
            f"the server answered {answer.status} and wants to be left alone for longer than"
            " ingest.web.max_wait_seconds",
            f"{asked:,.0f} s",
            may_pass=True,
            is_final=True,
        )

    def _kept(self, address: str, final: str, answer: Answer) -> Page:
        media_type, charset = content_type(answer.headers.get("content-type"))
        name = hashlib.sha256(answer.content).hexdigest()
        page = Page(
            address=address,
            final=final,
            content_type=media_type,
            charset=charset,
            etag=answer.headers.get("etag"),
            last_modified=answer.headers.get("last-modified"),
            fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
            sha256=name,
        )
        return self._cache.put(page, answer.content)

    def _obey(self, address: str) -> None:
        """Raise ``Refused`` where robots.txt says no."""
        robots = self._rules(address)
        if isinstance(robots, Refused):
            raise robots
        host, longest = self._host(address), self._params.max_wait_seconds
        if robots.delay_seconds > longest:
            raise Refused(
                "robots.txt wants longer between two pages than ingest.web.max_wait_seconds",
                f"{robots.delay_seconds:g} s",
            )
        host.delay_seconds = max(host.delay_seconds, robots.delay_seconds)
        if not robots.allows(address):
            raise Refused("robots.txt forbids it")

    def _rules(self, address: str) -> Robots | Refused:
        """The rules of an address's site; RFC 9309: without an answer, nothing is allowed."""
        parts = urlsplit(address)
        site = f"{parts.scheme}://{parts.netloc}/robots.txt"
        if site not in self._robots:
            self._robots[site] = self._read_rules(site)
        return self._robots[site]

    def _read_rules(self, site: str) -> Robots | Refused:
        kept = self._cache.get(site)
        if kept and self._cache.age_hours(site) < self._params.recheck_hours:
            return Robots(kept.content())
        try:
            found = self._retried(lambda attempt: self._followed(site, kept, attempt, False))
        except Refused as error:
            if error.is_absence:
                return Robots(b"")
            if kept and error.may_pass:
                return Robots(kept.content())
            reason = f"its robots.txt: {error.reason}"
            return Refused(reason, error.detail, may_pass=error.may_pass, is_final=True)
        return Robots(found.content())


def retry_after_seconds(value: str | None) -> float | None:
    """What a Retry-After asks for: seconds, or the time until a date; None where it is neither.

    >>> retry_after_seconds("120"), retry_after_seconds("soon")
    (120.0, None)
    """
    if value is None:
        return None
    if re.fullmatch(r"\s*[0-9]+\s*", value):
        digits = value.strip().lstrip("0")
        return float(digits or 0) if len(digits) <= MOST_DIGITS else 10.0**MOST_DIGITS
    try:
        until = parsedate_to_datetime(value)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def content_type(value: str | None) -> tuple[str, str | None]:
    """The media type and the encoding that a Content-Type tells.

    >>> content_type('Text/HTML; charset="UTF-8"'), content_type("html"), content_type(None)
    (('text/html', 'utf-8'), ('text/plain', None), ('application/octet-stream', None))
    """
    if value is None:
        return "application/octet-stream", None
    kind, charset = MEDIA_TYPE.match(value), CHARSET.search(value)
    return kind[1].lower() if kind else "text/plain", charset[1].lower() if charset else None


def _joined(here: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        Refused: it leads to no address that may be asked.
    """
    try:
        return normalized(urljoin(here, location))
    except ValueError:
        raise Refused("redirects to what is no address", location[:200]) from None
