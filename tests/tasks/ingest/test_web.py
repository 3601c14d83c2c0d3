"""Pages fetched from a real server on this machine, which misbehaves in every way it is told to."""

import gzip
import socket
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatwright.errors import BadInput, BadParameter, ServiceUnavailable
from tasks.documents import Document
from tasks.ingest.http.addresses import Refused
from tasks.ingest.http.cache import Cache
from tasks.ingest.http.client import Client, content_type, retry_after_seconds
from tasks.ingest.http.request import Limits, ask, unpacked
from tasks.ingest.ingest import ingest
from tasks.ingest.left_out import LeftOut
from tasks.ingest.web import web
from tasks.params_ingest import DialoguesParams, FolderParams, IngestParams, PythonDocsParams
from tasks.params_web import WebParams
from tests.tasks.ingest.certificates import certificate

PAGE = "<html lang=en><title>Leave</title><body><p>Everybody has thirty days of leave a year.</p></body>"


class Site:
    """A server; ``answers`` are functions by path, that get the handler and write the answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        self.most_at_once = 0
        self._now = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((time.monotonic(), self.path, dict(self.headers)))
                site._now += 1
                site.most_at_once = max(site.most_at_once, site._now)
                try:
                    answer = site.answers.get(self.path)
                    if answer:
                        answer(self)
                    else:
                        give(b"", status=404)(self)
                finally:
                    site._now -= 1

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked if path != "/robots.txt"]


def give(
    body: bytes | str = PAGE, status: int = 200, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    data = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        for name, value in {"content-type": "text/html", "content-length": str(len(data)), **named}.items():  # fmt: skip
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def in_turn(*answers: Callable[[BaseHTTPRequestHandler], None]) -> Callable[..., None]:
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tasks.ingest.http.client.BACK_OFF_SECONDS", 0.05)
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


def params(site: Site, *paths: str, longest: int = 40_000_000, **web_params: Any) -> IngestParams:
    urls = [path if "://" in path else site.root + path for path in paths]
    choices = {"delay_seconds": 0.0, "retries": 2, "allow_private": True, "recheck_hours": 0.0}
    return IngestParams(
        sources=["web"],
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(max_document_bytes=longest),
        web=WebParams(urls=urls, **{**choices, **web_params}),
    )


def read(
    site: Site, *paths: str, left_out: LeftOut | None = None, **choices: Any
) -> dict[str, Document]:
    found = web(params(site, *paths, **choices), left_out or LeftOut())
    return {each.id.removeprefix(f"web/{site.root}"): each for each in found}


def reasons(site: Site, *paths: str, **choices: Any) -> Counter[str]:
    """Why the pages were left out, where one good page beside them keeps the run going."""
    site.answers["/good"] = give()
    left_out = LeftOut()
    assert "/good" in read(site, "/good", *paths, left_out=left_out, **choices)
    return left_out.counts


def test_a_page_becomes_a_document(site: Site) -> None:
    site.answers["/a%20b"] = give()
    (document,) = web(params(site, "/a b#part", "/a%20b"), LeftOut())
    assert document.id == f"web/{site.root}/a%20b" and document.url == f"{site.root}/a%20b"
    assert (document.title, document.lang) == ("Leave", "en")
    assert document.text == "Everybody has thirty days of leave a year."
    assert document.fetched_at is not None and document.meta["content_type"] == "text/html"
    (_, _, headers) = site.asked[-1]
    assert headers["User-Agent"].startswith("chatwright/")
    assert site.paths() == ["/a%20b"]


def test_the_contact_is_told(site: Site) -> None:
    site.answers["/a"] = give()
    read(site, "/a", contact="https://example.com/bot")
    assert site.asked[-1][2]["User-Agent"].endswith("(+https://example.com/bot)")


def test_text_and_other_formats(site: Site) -> None:
    site.answers["/notes.txt"] = give("Notes\n\nThe office is closed.", content_type="text/plain")
    site.answers["/logo"] = give(b"\x89PNG", content_type="image/png")
    left_out = LeftOut()
    found = read(site, "/notes.txt", "/logo", left_out=left_out)
    assert list(found) == ["/notes.txt"] and found["/notes.txt"].title == "Notes"
    assert left_out.counts == {"not a format that is read (image/png)": 1}


def test_sitemaps_lead_to_sitemaps_and_pages(site: Site) -> None:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    site.answers["/index.xml"] = give(
        f"<sitemapindex {space}><sitemap><loc>{site.root}/one.xml</loc></sitemap>"
        f"<sitemap><loc>{site.root}/two.xml.gz</loc></sitemap>"
        f"<sitemap><loc>{site.root}/index.xml</loc></sitemap></sitemapindex>"
    )
    site.answers["/one.xml"] = give(
        f"<urlset {space}><url><loc> {site.root}/a </loc><lastmod>2026-01-01</lastmod></url></urlset>"
    )
    site.answers["/two.xml.gz"] = give(
        gzip.compress(f"<urlset><url><loc>{site.root}/b</loc></url></urlset>".encode()),
        content_type="application/gzip",
    )
    site.answers["/list.txt"] = give(f"{site.root}/b\n{site.root}/c\n", content_type="text/plain")
    for path in ("/a", "/b", "/c", "/d"):
        site.answers[path] = give()
    sitemaps = [f"{site.root}/index.xml", f"{site.root}/list.txt"]
    left_out = LeftOut()
    assert list(read(site, "/d", left_out=left_out, sitemaps=sitemaps)) == ["/a", "/b", "/c", "/d"]
    assert not left_out.counts
    left_out = LeftOut()
    found = read(site, "/d", left_out=left_out, sitemaps=sitemaps, max_pages=2)
    assert list(found) == ["/a", "/b"] and left_out.counts == {"above ingest.web.max_pages": 2}


@pytest.mark.parametrize("encoding", ["gb2312", "big5", "shift_jis", "euc-jp", "utf-16", "foo"])
def test_sitemaps_in_encodings_that_expat_does_not_know(site: Site, encoding: str) -> None:
    address = f"{site.root}/a" if encoding == "foo" else f"{site.root}/日本"
    xml = f'<?xml version="1.0" encoding="{encoding}"?><urlset><url><loc>{address}</loc></url></urlset>'
    site.answers["/s.xml"] = give(xml.encode("ascii" if encoding == "foo" else encoding))
    site.answers["/a"] = site.answers["/%E6%97%A5%E6%9C%AC"] = give()
    left_out = LeftOut()
    assert len(read(site, left_out=left_out, sitemaps=[f"{site.root}/s.xml"])) == 1
    assert not left_out.counts


def test_a_sitemap_whose_address_is_none_is_named(site: Site) -> None:
    site.answers["/a"] = give()
    left_out = LeftOut()
    wrong = "http://a%00b/s.xml"
    assert list(read(site, "/a", left_out=left_out, sitemaps=[wrong])) == ["/a"]
    assert left_out.named == [f"{wrong}: is no address"]
    with pytest.raises(BadInput, match="could be had: is no address. Mend the addresses"):
        read(site, sitemaps=[wrong])


def test_a_damaged_sitemap_gives_what_comes_before_the_damage(site: Site) -> None:
    site.answers["/cut.xml"] = give(
        f"<urlset><url><loc>{site.root}/a</loc></url><url><loc>file:///etc/passwd</loc></url><url>"
    )
    site.answers["/cut.xml.gz"] = give(gzip.compress(b"<urlset>" * 9)[:-9])
    site.answers["/a"] = give()
    left_out = LeftOut()
    sitemaps = [f"{site.root}/cut.xml", f"{site.root}/cut.xml.gz", f"{site.root}/none.xml"]
    assert list(read(site, left_out=left_out, sitemaps=sitemaps)) == ["/a"]
    assert left_out.counts == {
        "a sitemap that is cut off or no XML": 1,
        "leads to an address that is not of http or https": 1,
        "breaks off half-way": 1,
        "the server answered 404": 1,
    }


def test_robots_txt_is_obeyed_with_its_wildcards(site: Site) -> None:
    site.answers["/robots.txt"] = give(
        "User-agent: *\nDisallow: /*.php$\nDisallow: /private\nAllow: /private/open\n",
        content_type="text/plain",
    )
    for path in ("/a.php", "/private/x", "/private/open"):
        site.answers[path] = give()
    site.answers["/door"] = give("", status=302, location="/private/x")
    left_out = LeftOut()
    found = read(site, "/a.php", "/private/x", "/private/open", "/door", left_out=left_out)
    assert list(found) == ["/private/open"]
    assert left_out.counts == {"robots.txt forbids it": 3}
    assert site.paths() == ["/door", "/private/open"]


def test_a_site_whose_robots_txt_cannot_be_had_is_left_alone(site: Site) -> None:
    site.answers["/robots.txt"] = give("", status=503)
    site.answers["/a"] = give()
    with pytest.raises(ServiceUnavailable, match=r"its robots\.txt: the server answered 503"):
        read(site, "/a", retries=0)
    assert site.paths() == []


def test_one_request_at_a_time_and_the_pause_between_them(site: Site) -> None:
    site.answers["/robots.txt"] = give("User-agent: *\nCrawl-delay: 0.3", content_type="text/plain")
    for path in ("/a", "/b", "/c"):
        site.answers[path] = give()
    assert len(read(site, "/a", "/b", "/c")) == 3
    times = [when for when, path, _ in site.asked if path != "/robots.txt"]
    assert [b - a >= 0.3 for a, b in zip(times, times[1:], strict=False)] == [True, True]
    assert site.most_at_once == 1


def test_a_delay_beyond_all_patience_is_a_reason(site: Site) -> None:
    site.answers["/robots.txt"] = give("User-agent: *\nCrawl-delay: 900", content_type="text/plain")
    site.answers["/a"] = give()
    with pytest.raises(BadInput, match="robots.txt wants longer between two pages .*900 s"):
        read(site, "/a")


def test_429_is_waited_out_as_long_as_the_server_asks(site: Site) -> None:
    site.answers["/a"] = in_turn(give("", status=429, retry_after="1"), give())
    assert list(read(site, "/a")) == ["/a"]
    (first, _, _), (second, _, _) = site.asked[-2:]
    assert second - first >= 1


def test_a_wait_that_is_too_long_is_a_reason(site: Site) -> None:
    site.answers["/a"] = give("", status=429, retry_after="3600")
    (reason,) = reasons(site, "/a")
    assert reason.startswith("the server answered 429 and wants to be left alone for longer than")
    assert site.paths().count("/a") == 1


def test_500_then_200(site: Site) -> None:
    site.answers["/a"] = in_turn(give("", status=500), give())
    assert list(read(site, "/a")) == ["/a"]


def test_500_for_ever_is_a_reason(site: Site) -> None:
    site.answers["/a"] = give("", status=500)
    assert reasons(site, "/a", retries=1) == {"the server answered 500": 1}
    assert site.paths().count("/a") == 2


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(PAGE.encode())


def cut_in_chunks(handler: BaseHTTPRequestHandler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"fff\r\n" + PAGE.encode())
    handler.close_connection = True


CUT_GZIP = gzip.compress(PAGE.encode())[:-12]


@pytest.mark.parametrize("half", [cut, cut_in_chunks, give(CUT_GZIP, content_encoding="gzip")])
def test_half_a_body_is_never_a_document(site: Site, half: Callable[..., None]) -> None:
    site.answers["/a"] = half
    site.answers["/b"] = in_turn(half, give())
    left_out = LeftOut()
    assert list(read(site, "/a", "/b", left_out=left_out, retries=1)) == ["/b"]
    assert left_out.counts == {"breaks off half-way": 1}


def test_compressed_pages(site: Site) -> None:
    site.answers["/a"] = give(gzip.compress(PAGE.encode()), content_encoding="gzip")
    site.answers["/b"] = give(b"\x0b\x02", content_encoding="br")
    left_out = LeftOut()
    assert "thirty days" in read(site, "/a", "/b", left_out=left_out)["/a"].text
    assert left_out.counts == {"comes in a compression that was not asked for": 1}


@pytest.mark.parametrize(
    "answer",
    [
        give(PAGE + "x" * 2000),
        give(gzip.compress(PAGE.encode() + b"x" * 1_000_000), content_encoding="gzip"),
    ],
)
def test_too_large(site: Site, answer: Callable[..., None]) -> None:
    site.answers["/a"] = answer
    assert reasons(site, "/a", longest=1_000) == {
        "longer than 1,000 bytes (ingest.folder.max_document_bytes)": 1
    }


def drip(handler: BaseHTTPRequestHandler) -> None:
    for letter in b"HTTP/1.0 200 OK\r\nX: " + b"x" * 100:
        handler.wfile.write(bytes([letter]))
        time.sleep(0.1)


def test_a_server_that_sends_a_byte_now_and_then(site: Site) -> None:
    site.answers["/a"] = lambda handler: pytest.raises(OSError, drip, handler)
    assert reasons(site, "/a", timeout_seconds=0.5, retries=0) == {
        "took longer than 0.5 s (ingest.web.timeout_seconds)": 1
    }


def test_redirects_are_followed_to_the_page(site: Site) -> None:
    site.answers["/old"] = give("", status=301, location="new?x=1#y")
    site.answers["/new?x=1"] = give()
    found = read(site, "/old")
    assert found["/old"].url == f"{site.root}/new?x=1"


def test_redirects_in_a_loop_and_without_end(site: Site) -> None:
    site.answers["/a"] = give("", status=302, location="/b")
    site.answers["/b"] = give("", status=302, location="/a")
    for number in range(20):
        site.answers[f"/{number}"] = give("", status=302, location=f"/{number + 1}")
    assert reasons(site, "/a", "/0") == {
        "redirects in a loop": 1,
        "redirects more than 10 times": 1,
    }


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://example.com/x", "data:,x"])
def test_redirects_to_what_is_not_the_web(site: Site, to: str) -> None:
    site.answers["/a"] = give("", status=302, location=to)
    assert reasons(site, "/a") == {"leads to an address that is not of http or https": 1}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "http://", "http://a:x"])
def test_files_are_refused_before_any_work(url: str) -> None:
    with pytest.raises(ValueError, match="only http:// and https:// addresses are fetched"):
        WebParams(urls=[url])


def test_private_addresses_are_refused(site: Site) -> None:
    site.answers["/a"] = give()
    with pytest.raises(BadInput) as refusal:
        read(site, "/a", site.root.replace("127.0.0.1", "localhost"), allow_private=False)
    assert str(refusal.value) == (
        "ingest.web: none of the pages and sitemaps could be had: its robots.txt: in a private"
        " network, and ingest.web.allow_private is false (127.0.0.1 is 127.0.0.1). Name others, or"
        " set ingest.web.allow_private to true if such machines may be asked."
    )
    assert not site.asked


@pytest.fixture
def secure(site: Site, tmp_path: Path) -> Path:
    """The site speaks TLS; the file of its certificate, which is good for localhost alone."""
    public, private = certificate("localhost")
    (tmp_path / "cert.pem").write_bytes(public)
    (tmp_path / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.root = f"https://localhost:{site.server.server_port}"
    site.answers["/a"] = give()
    return tmp_path / "cert.pem"


def test_a_page_over_https_is_read_where_the_certificate_is_trusted(
    site: Site, secure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure))
    assert list(read(site, "/a")) == ["/a"]


def test_a_certificate_that_nobody_trusts_is_one_sentence(site: Site, secure: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        read(site, "/a")
    assert str(refusal.value) == (
        "ingest.web: none of the pages and sitemaps could be had: its robots.txt: its certificate"
        " is not trusted (self-signed certificate). If you trust it, name the certificate of who"
        " signed it in the variable SSL_CERT_FILE."
    )
    assert not site.asked, "nothing was sent"


def test_a_certificate_of_another_host_is_counted_as_such(
    site: Site, secure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure))
    elsewhere = site.root.replace("localhost", "127.0.0.1")
    left_out = LeftOut()
    assert list(read(site, "/a", f"{elsewhere}/a", left_out=left_out)) == ["/a"]
    assert left_out.counts == {"its robots.txt: its certificate is not trusted": 1}
    assert "127.0.0.1" in left_out.named[0]


def test_a_server_that_does_not_speak_tls_is_told_from_one_that_nobody_trusts(site: Site) -> None:
    with pytest.raises(BadInput, match="does not answer as https does"):
        read(site, site.root.replace("http:", "https:") + "/a")


@pytest.mark.parametrize("ending", ["nothing", "close_notify"])
def test_a_server_that_drops_connections_is_asked_again_later(tmp_path: Path, ending: str) -> None:
    """It closes as soon as it is greeted, or takes its leave at once, as TLS has it."""
    farewell = bytes.fromhex("15030300020100") if ending == "close_notify" else b""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drop() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(farewell)

        thread = threading.Thread(target=drop, daemon=True)
        thread.start()
        limits = Limits(1_000, 5, allow_private=True)
        address = f"https://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(Refused) as refusal:
            ask(address, {}, limits, stopped=threading.Event())
        thread.join()
    assert refusal.value.may_pass and refusal.value.reason == "does not answer"


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
        "100.64.0.1",
        "[64:ff9b::a00:1]",
        "224.0.0.1",
    ],
)
def test_private_addresses_in_disguise(site: Site, host: str) -> None:
    with pytest.raises(BadInput, match="in a private network"):
        read(site, f"http://{host}:{site.server.server_port}/a", allow_private=False)
    assert not site.asked


def test_a_name_server_that_changes_its_mind_gains_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number that was checked is the one connected to: a second look-up is never made."""
    answers = ["127.0.0.1", "192.0.2.1", "192.0.2.1"]
    looked_up = []

    def fickle(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(host)
        number = answers.pop(0) if host == "fickle.example" else host
        return [(2, 1, 6, "", (number, port))]

    monkeypatch.setattr("socket.getaddrinfo", fickle)
    site.answers["/robots.txt"] = give("")
    # One look-up for robots.txt, refused; the page is not asked for.
    answers[0] = "10.0.0.1"
    port = site.server.server_port
    with pytest.raises(BadInput, match="fickle.example is 10.0.0.1"):
        read(site, f"http://fickle.example:{port}/a", allow_private=False)
    answers[:] = ["127.0.0.1", "127.0.0.1"]
    site.answers["/a"] = give()
    assert len(read(site, f"http://fickle.example:{port}/a")) == 1
    assert site.asked[-1][2]["Host"] == f"fickle.example:{port}"
    assert looked_up.count("fickle.example") == 3


def test_an_unchanged_page_is_not_sent_again(site: Site) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        same = handler.headers.get("If-None-Match") == '"1"'
        give(b"" if same else PAGE, status=304 if same else 200, etag='"1"', last_modified="Thu, 01 Jan 2026 00:00:00 GMT")(handler)  # fmt: skip

    site.answers["/a"] = answer
    first = read(site, "/a")
    assert read(site, "/a") == first
    headers = site.asked[-1][2]
    assert headers["If-None-Match"] == '"1"'
    assert headers["If-Modified-Since"] == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_within_the_hours_nothing_is_asked_at_all(site: Site) -> None:
    site.answers["/a"] = give()
    first = read(site, "/a", recheck_hours=24.0)
    asked = len(site.asked)
    assert read(site, "/a", recheck_hours=24.0) == first and len(site.asked) == asked


def test_a_page_sent_again_with_the_same_bytes_keeps_its_time(site: Site, tmp_path: Path) -> None:
    site.answers["/a"] = give()
    first = read(site, "/a")
    (about,) = [p for p in (tmp_path / ".chatwright/web").glob("*.json") if "/a" in p.read_text()]
    about.write_text(about.read_text().replace('"fetched_at": "20', '"fetched_at": "19'))
    again = read(site, "/a")
    assert again["/a"].fetched_at != first["/a"].fetched_at
    assert again["/a"].fetched_at.year < 2000  # type: ignore[union-attr]
    site.answers["/a"] = give(PAGE.replace("thirty", "twenty"))
    changed = read(site, "/a")
    assert "twenty" in changed["/a"].text and changed["/a"].fetched_at.year > 2000  # type: ignore[union-attr]


def test_a_page_that_was_damaged_on_disk_is_fetched_again(site: Site, tmp_path: Path) -> None:
    site.answers["/a"] = give()
    first = read(site, "/a", recheck_hours=24.0)
    for body in (tmp_path / ".chatwright/web").glob("*.body"):
        body.write_bytes(b"<p>half")
    assert read(site, "/a", recheck_hours=24.0)["/a"].text == first["/a"].text


def test_the_earlier_copy_serves_while_a_server_is_down(site: Site) -> None:
    site.answers["/a"] = give()
    first = read(site, "/a")
    site.answers["/a"] = give("", status=503)
    left_out = LeftOut()
    assert read(site, "/a", left_out=left_out, retries=0) == first
    assert left_out.counts == {"as it was fetched earlier (the server answered 503)": 1}
    site.answers["/a"] = give("", status=410)
    with pytest.raises(BadInput, match="the server answered 410"):
        read(site, "/a")


def test_a_host_that_fails_is_not_asked_for_all_its_pages(site: Site) -> None:
    paths = [f"/{number}" for number in range(8)]
    site.answers["/good"] = give()
    for path in paths:
        site.answers[path] = give("", status=500)
    left_out = LeftOut()
    with pytest.raises(ServiceUnavailable):
        read(site, *paths, left_out=left_out, retries=0)
    assert left_out.counts == {
        "the server answered 500": 5,
        "not asked for, as its host did not give 5 in a row": 3,
    }
    assert len(site.paths()) == 5


@pytest.mark.parametrize(
    ("says", "encoding"),
    [("utf-8", "gb18030"), ("iso-8859-1", "utf-8"), ("gbk", "gb18030"), ("nonsense", "utf-8")],
)
def test_a_wrong_charset_does_no_harm(site: Site, says: str, encoding: str) -> None:
    text = "每位员工每年有三十天的年假，可以分几次休完。" * 3
    page = f"<html><title>年假</title><p>{text}</p></html>"
    site.answers["/a"] = give(page.encode(encoding), content_type=f"text/html; charset={says}")
    document = read(site, "/a")["/a"]
    assert (document.text, document.title, document.lang) == (text, "年假", "zh")


def test_the_charset_of_the_header_decides_where_it_can(site: Site) -> None:
    text = "Цена"  # too short to be told from its letters
    site.answers["/a"] = give(f"<p>{text}</p>".encode("koi8_r"), content_type="text/html; charset=koi8-r")  # fmt: skip
    assert read(site, "/a")["/a"].text == text


def test_nothing_listens(site: Site) -> None:
    site.server.shutdown()
    site.server.server_close()
    with pytest.raises(ServiceUnavailable, match=r"^ingest\.web: none of .* does not answer"):
        read(site, "/a", retries=0)


def test_no_page_is_named(tmp_path: Path, site: Site) -> None:
    with pytest.raises(BadParameter, match=r"ingest\.web\.urls: names no page"):
        ingest(params(site), tmp_path / "raw", tmp_path / "dialogues", tmp_path / "labelled")


def test_the_stage_writes_the_same_bytes_from_the_cache(site: Site, tmp_path: Path) -> None:
    site.answers["/a"], site.answers["/b"] = give(), give(PAGE.replace("Leave", "Other"))
    contents = []
    for name in ("one", "two"):
        out = tmp_path / name
        named = params(site, "/b", "/a", "/none")
        report = ingest(named, out / "raw", out / "dialogues", out / "labelled")
        assert report.documents == {"web": 2}
        assert report.left_out == {"web": {"the server answered 404": 1}}
        contents.append((out / "raw/web/part-00000.parquet").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (give(status=503, retry_after="\xb2"), "the server answered 503"),
        (
            give(status=503, retry_after="Mon, 01 Jan 2020 00:00:00 +99999999999999999999"),
            "the server answered 503",
        ),
        (
            give(status=503, retry_after="9" * 5_000),
            "the server answered 503 and wants to be left alone for longer than"
            " ingest.web.max_wait_seconds",
        ),
        (give(status=302, location="http://[x"), "redirects to what is no address"),
        (give(status=302, location="http://[::1%25%5D]/"), "redirects to what is no address"),
        (
            give(content_length="9" * 5_000),
            "longer than 40,000,000 bytes (ingest.folder.max_document_bytes)",
        ),
    ],
)
def test_headers_that_make_no_sense_are_a_reason(
    site: Site, answer: Callable[[BaseHTTPRequestHandler], None], reason: str
) -> None:
    site.answers["/odd"] = answer
    assert reasons(site, "/odd", retries=0) == {reason: 1}


def test_a_content_type_that_makes_no_sense_is_read_as_far_as_it_does(site: Site) -> None:
    site.answers["/odd"] = give(content_type="text/html; charset*=x''y; charset*0*=%ff")
    assert reasons(site, "/odd") == {}


def test_an_answer_that_no_one_foresaw_costs_one_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(value: str | None) -> tuple[str, str | None]:
        if value == "text/odd":
            raise LookupError("of a kind that was not thought of")
        return "text/html", None

    monkeypatch.setattr("tasks.ingest.http.client.content_type", fails)
    site.answers["/odd"] = give(content_type="text/odd")
    assert reasons(site, "/odd") == {"its answer makes no sense": 1}


HEADERS = ("Retry-After", "Location", "Content-Type", "Content-Length", "ETag", "Last-Modified",
           "Content-Encoding", "Transfer-Encoding", "Set-Cookie", "Connection")  # fmt: skip
ODD = ("9" * 5_000, "\xb2", "-1", "1e9", "1, 2", "http://[x", "//[", "http://a:b/", "http:", "/\0", "text/html; charset=",
       "x*=y''z; x*0*=%ff", "gzip", "chunked", "Mon, 32 Jan 0000 99:99:99 +9999999999", "\"", "close", "W/")  # fmt: skip
VALUE = st.sampled_from(ODD) | st.text("0123456789 abcGMT:;,=*%'\"\xff\x80\t", max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    status=st.sampled_from([200, 302, 304, 503]),
    headers=st.fixed_dictionaries({}, optional={name: VALUE for name in HEADERS}),
)
@example(503, {"Retry-After": "\xb2"})
@example(302, {"Location": "http://[x"})
@example(200, {"Content-Type": "text/html; charset*=x''y; charset*0*=%ff"})
def test_no_header_is_more_than_a_reason(
    raw_site: tuple[str, list[bytes]], status: int, headers: dict[str, str]
) -> None:
    root, answers = raw_site
    lines = [
        f"HTTP/1.1 {status} x",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        PAGE,
    ]
    answers[:] = ["\r\n".join(lines).encode("latin-1")]
    choices = WebParams(
        urls=[root], allow_private=True, retries=0, delay_seconds=0, max_wait_seconds=0
    )
    with tempfile.TemporaryDirectory() as folder:
        client = Client(choices, 40_000_000, Cache(Path(folder)))
        try:
            page, _ = client.page(root)
            assert page.content().decode("latin-1") in PAGE
        except Refused as error:
            assert error.reason != "its answer makes no sense", error.detail


@settings(max_examples=500)
@given(st.text() | st.lists(st.sampled_from(ODD)).map(" ".join))
def test_any_header_is_read_somehow(value: str) -> None:
    seconds = retry_after_seconds(value)
    assert seconds is None or 0 <= seconds < 1e12
    kind, charset = content_type(value)
    assert kind.isascii() and "/" in kind and charset != ""


@pytest.fixture(scope="module")
def raw_site() -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers with the very bytes that it is told, and has no robots.txt."""
    answers: list[bytes] = []

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            asked = self.request.recv(65_536)
            is_rules = asked.startswith(b"GET /robots.txt")
            self.request.sendall(b"HTTP/1.1 404 x\r\n\r\n" if is_rules else answers[0])

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_zeros_behind_a_gzip_member_are_padding(piece: int) -> None:
    packed = gzip.compress(b"one ") + b"\0" * 8 + gzip.compress(b"two") + b"\0" * 600
    pieces = [packed[start : start + piece] for start in range(0, len(packed), piece)]
    assert b"".join(unpacked(pieces, Limits(1_000, 1.0, True))) == b"one two"
