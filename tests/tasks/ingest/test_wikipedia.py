"""The source ``wikipedia``: which pages of a dump become documents, and what is said of the rest."""

import bz2
import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatwright.errors import BadParameter
from tasks.documents import Document
from tasks.ingest.ingest import ingest
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.wikipedia import wikipedia
from tasks.params_ingest import (
    DialoguesParams,
    FolderParams,
    IngestParams,
    NamedFilesParams,
    PythonDocsParams,
)

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" xml:lang="{lang}">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>{lang}wiki</dbname>
    <base>https://{lang}.wikipedia.org/wiki/Haupt/seite</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Diskussion</namespace>
      <namespace key="6" case="first-letter">Dätei</namespace>
      <namespace key="14" case="first-letter">Kätegorie</namespace>
    </namespaces>
  </siteinfo>
"""
CUT = "the XML ends inside a page or before its last tag: only what comes before could be read"
DAMAGED = "cut off or damaged: at most what comes before could be read"
MALFORMED = "page that is no well-formed XML"


def page(
    number: int, text: str = "Some text", *, title: str = "", ns: int = 0, more: str = ""
) -> str:
    return f"""  <page>
    <title>{title or f"Page {number}"}</title>
    <ns>{ns}</ns>
    <id>{number}</id>{more}
    <revision>
      <id>{number + 1000}</id>
      <timestamp>2012-01-03T12:05:52Z</timestamp>
      <contributor><username>A</username><id>7</id></contributor>
      <model>wikitext</model>
      <text xml:space="preserve">{text}</text>
    </revision>
  </page>
"""  # fmt: skip


def dump(*pages: str, lang: str = "de") -> str:
    return HEAD.format(lang=lang) + "".join(pages) + "</mediawiki>\n"


def read(path: Path, left_out: LeftOut | None = None, **limits: int) -> list[Document]:
    root = path if path.is_dir() else path.parent
    params = FolderParams(path=str(root), **limits)  # type: ignore[arg-type]
    return list(wikipedia(NamedFiles("wikipedia", [str(path)], params), left_out or LeftOut()))


def numbers(found: list[Document]) -> list[int]:
    return [int(each.id.rpartition("/")[2]) for each in found]


def test_an_article_is_a_document(tmp_path: Path) -> None:
    text = "'''Käse''' &amp;amp; [[Dätei:x|y]]Brot &lt;ref&gt;x&lt;/ref&gt;[[Kätegorie:Z]]."
    (tmp_path / "d.xml").write_text(dump(page(13, text, title="Käse &amp; Brot?")), "utf-8")
    left_out = LeftOut()
    assert read(tmp_path / "d.xml", left_out) == [
        Document(
            id="wikipedia/dewiki/13",
            source="wikipedia",
            url="https://de.wikipedia.org/wiki/Haupt/K%C3%A4se_%26_Brot%3F",
            title="Käse & Brot?",
            text="Käse & Brot .",
            lang="de",
            license="CC BY-SA",
            fetched_at=datetime(2012, 1, 3, 12, 5, 52, tzinfo=UTC),
            meta={"path": "d.xml", "revision": "1013"},
        )
    ]
    assert not left_out.counts


def test_what_is_no_article_is_counted_by_reason(tmp_path: Path) -> None:
    pages = [
        page(1),
        page(2, more='\n    <redirect title="Page 1" />'),
        page(3, "#WEITERLEITUNG [[Page 1]]"),
        page(4, ns=1, title="Diskussion:Page 1"),
        page(5, ns=3),
        *(page(10 + ns, ns=ns) for ns in (2, 4, 6, 8, 10, 12, 14, 100, 828, 118)),
        page(6).replace("<model>wikitext", "<model>javascript"),
        page(7, "{{only a template}}"),
        page(1, "again"),
        page(8).replace("<id>8</id>", "<id>" + "9" * 5000 + "</id>"),
        page(9),
    ]
    (tmp_path / "d.xml").write_text(dump(*pages), "utf-8")
    left_out = LeftOut()
    assert numbers(read(tmp_path / "d.xml", left_out)) == [1, 9]
    assert left_out.counts == {
        "redirect": 2,
        "talk page": 2,
        "user page": 1,
        "page about the wiki": 1,
        "file page": 1,
        "page of the software": 1,
        "template page": 1,
        "help page": 1,
        "category page": 1,
        "portal page": 1,
        "module page": 1,
        "page that is no article": 1,
        "page that is no wikitext": 1,
        "page without text": 1,
        "page that came before, here or in another dump of the wiki": 1,
        "page without a title or a number": 1,
    }


def test_a_dump_older_than_namespace_numbers_tells_them_by_title(tmp_path: Path) -> None:
    titles = ["Talk:A", "Diskussion:A", "Kätegorie:B", "2001: A Space Odyssey"]
    pages = [page(n, title=title).replace("<ns>0</ns>", "") for n, title in enumerate(titles)]
    (tmp_path / "d.xml").write_text(dump(*pages), "utf-8")
    left_out = LeftOut()
    assert [each.title for each in read(tmp_path / "d.xml", left_out)] == titles[-1:]
    assert left_out.counts == {"talk page": 2, "category page": 1}


def test_a_malformed_page_is_counted_and_the_next_one_read(tmp_path: Path) -> None:
    bad = [
        page(1, "R&D"),
        page(2, "<b>not closed"),
        page(3, "a \x01 character"),
        page(4, "&lol;"),
        page(5).replace("</text>", "").replace("</page>\n", ""),
    ]
    content = dump(page(10), *(each + page(11 + n) for n, each in enumerate(bad)))
    (tmp_path / "d.xml").write_bytes(content.encode() + b"")
    left_out = LeftOut()
    assert numbers(read(tmp_path / "d.xml", left_out)) == [10, 11, 12, 13, 14, 15]
    assert left_out.counts == {MALFORMED: 5}
    assert left_out.named[0] == f"d.xml:2: {MALFORMED} (not well-formed (invalid token))"


def test_bytes_that_are_no_utf8_cost_one_page(tmp_path: Path) -> None:
    content = (
        dump(page(1), page(2, "Käse"), page(3)).encode().replace("ä".encode() + b"se", b"\xe4se")
    )
    (tmp_path / "d.xml").write_bytes(content)
    left_out = LeftOut()
    assert numbers(read(tmp_path / "d.xml", left_out)) == [1, 3]
    assert left_out.counts == {MALFORMED: 1}


def test_entities_that_expand_are_never_declared(tmp_path: Path) -> None:
    bomb = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    declared = f'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY l0 "lol">{bomb}]>\n'
    (tmp_path / "d.xml").write_text(declared + dump(page(1, "&l9;"), page(2)), "utf-8")
    left_out = LeftOut()
    assert numbers(read(tmp_path / "d.xml", left_out)) == [2]
    assert left_out.counts == {MALFORMED: 1}


@pytest.mark.parametrize("kept", ["  <page>\n    <title>Pa", "", "  <page>"])
def test_xml_cut_in_the_middle_gives_all_before_the_cut(tmp_path: Path, kept: str) -> None:
    content = HEAD.format(lang="de") + "".join(page(n) for n in range(1, 1001)) + kept
    (tmp_path / "d.xml").write_text(content, "utf-8")
    left_out = LeftOut()
    assert numbers(read(tmp_path / "d.xml", left_out)) == list(range(1, 1001))
    assert left_out.counts == {CUT: 1} and left_out.named == [f"d.xml: {CUT}"]


def test_a_compressed_dump_that_is_cut_gives_what_comes_before(tmp_path: Path) -> None:
    content = dump(*(page(n, f"Text {n} {n**9}") for n in range(1, 5001))).encode()
    for name, data in {
        "d.xml.bz2": bz2.compress(content, 1),
        "d.xml.gz": gzip.compress(content),
    }.items():
        (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
        left_out = LeftOut()
        found = numbers(read(tmp_path / name, left_out))
        assert 1000 < len(found) < 5000 and found == list(range(1, len(found) + 1))
        assert left_out.counts == {DAMAGED: 1}


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
def test_a_compressed_dump_has_one_reason_wherever_it_is_cut(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    data = pack(dump(*(page(n, f"Text {n} {n**9}") for n in range(1, 60))).encode())
    for size in range(0, len(data) - 1, 97):
        (tmp_path / "d.xml.bz2").unlink(missing_ok=True)
        name = "d.xml.bz2" if data.startswith(b"BZh") else "d.xml.gz"
        (tmp_path / name).write_bytes(data[:size])
        left_out = LeftOut()
        read(tmp_path / name, left_out)
        assert sum(left_out.counts.values()) == 1, (size, left_out.named)


def test_what_is_no_dump_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(bytes(3_000_000))
    (tmp_path / "b.xml").write_bytes(b"")
    (tmp_path / "c.xml").write_text(dump(page(1)), "utf-16")
    left_out = LeftOut()
    assert read(tmp_path, left_out) == []
    assert left_out.counts == {"is no dump of MediaWiki: there is no <page> in it": 3}


def test_a_page_that_is_too_long_is_passed_over_without_being_held(tmp_path: Path) -> None:
    pages = [page(1), page(2, "x" * 20_000), page(3), page(4, "y" * 6_000_000), page(5)]
    (tmp_path / "d.xml").write_text(dump(*pages), "utf-8")
    left_out = LeftOut()
    assert numbers(read(tmp_path / "d.xml", left_out, max_document_bytes=10_000)) == [1, 3, 5]
    assert left_out.counts == {"longer than 10,000 bytes (ingest.folder.max_document_bytes)": 2}


def test_a_language_that_was_never_stated_is_told_by_the_text(tmp_path: Path) -> None:
    chinese = page(1, "柏林是德国的首都，也是德国最大的城市。")
    for lang, expected in (("en", "zh"), ("yue", "zh"), ("zh", "zh"), ("nds", "nds")):
        (tmp_path / "d.xml").write_text(dump(chinese, lang=lang), "utf-8")
        assert [each.lang for each in read(tmp_path / "d.xml")] == [expected]


def test_wikipedia_is_a_source_that_the_parameters_name(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "d.xml").write_text(dump(page(1), page(2, ns=1)), "utf-8")
    params = IngestParams(
        sources=["wikipedia", "folder"],
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(path=str(corpus)),
    )
    with pytest.raises(BadParameter, match=r"ingest\.wikipedia\.paths: names no file"):
        ingest(params, *(tmp_path / name for name in ("r", "d", "l")))
    named = NamedFilesParams(paths=[str(corpus / "*.xml")])
    params = params.model_copy(update={"wikipedia": named})
    report = ingest(params, *(tmp_path / name for name in ("r", "d", "l")))
    assert report.documents == {"folder": 0, "wikipedia": 1}
    assert report.left_out == {"folder": {}, "wikipedia": {"talk page": 1}}


MARKUP = re.compile(
    r"\{\{|\}\}|\[\[|\]\]|<ref|^\{\||^\|\}|'''|-\{|&nbsp;|&lt;|__[A-Z]+__|<!--", re.M
)


# Pages and redirects as SOURCES.md counts them; the heads of the small ones all say "en".
@pytest.mark.parametrize(
    ("name", "articles", "left_out", "lang", "phrase"),
    [
        ("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2", 106, {"redirect": 100}, "en",
         "Anarchism is a political philosophy that advocates self-governed societies"),
        ("enwiki-minidump.xml.bz2", 24, {"redirect": 2, "category page": 1}, "en", "\n\nPlot\n\n"),
        ("enwiki-table-markup.xml.bz2", 5, {}, "en", "The constructive vote of no confidence (in German: konstruktives Misstrauensvotum, in Spanish: "),
        ("zhwiki-minidump.xml.bz2", 1, {}, "zh", "柏林（Berlin）是德意志聯邦共和國首都，也是德国最大的城市"),
        ("jawiki-minidump.xml.bz2", 1, {}, "ja", "通称ベルリン（Berlin"),
        ("arwiki-minidump.xml.bz2", 3, {}, "ar", "برلين هي العاصمة الفيدرالية لجمهورية ألمانيا الاتحادية"),
        ("frwiki-minidump.xml.bz2", 3, {}, "fr", "est le principal linguiste français des premières décennies du XXe siècle."),
    ],
)  # fmt: skip
def test_real_dumps(
    test_data: Path, name: str, articles: int, left_out: dict[str, int], lang: str, phrase: str
) -> None:
    counted = LeftOut()
    found = read(test_data / "wiki" / name, counted)
    assert (len(found), counted.counts) == (articles, left_out)
    # One wiki's articles on one city, in that dump of three pages: Arabic, Bavarian, Waray.
    langs = {"ar", "de", "war"} if lang == "ar" else {lang}
    assert {each.lang for each in found} == langs
    assert any(phrase in each.text for each in found)
    for each in found:
        assert not MARKUP.search(each.text), each.title


def test_a_wiki_that_has_shown_to_be_english_is_believed(tmp_path: Path) -> None:
    english = [page(n, f"The town number {n} lies on the river of this name.") for n in range(120)]
    foreign = page(200, "Die Stadt liegt an einem Fluss und hat sehr viele Einwohner.")
    for pages, expected in (([foreign, *english], "de"), ([*english, foreign], "en")):
        (tmp_path / "d.xml").write_text(dump(*pages, lang="en"), "utf-8")
        assert {each.id: each.lang for each in read(tmp_path / "d.xml")}["wikipedia/enwiki/200"] == expected  # fmt: skip


@pytest.mark.parametrize(
    ("base", "license"),
    [
        ("https://zh.wikipedia.org/wiki/X", "CC BY-SA"),
        ("https://en.wikinews.org/wiki/X", None),
        ("https://wiki.acme.internal/wiki/X", None),
        ("https://wikipedia.org.evil.example/wiki/X", None),
        ("https://[wikipedia.org/X", None),
        ("", None),
    ],
)
def test_the_licence_is_that_of_wikimedias_wikis_only(
    tmp_path: Path, base: str, license: str | None
) -> None:
    head = HEAD.format(lang="de").replace("https://de.wikipedia.org/wiki/Haupt/seite", base)
    (tmp_path / "d.xml").write_text(f"{head}{page(13)}</mediawiki>", "utf-8")
    (found,) = read(tmp_path / "d.xml")
    assert found.license == license
