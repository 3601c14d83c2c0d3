"""MediaWiki's markup: what of it is text."""

import html
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ingest.wikitext import text_of


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        # Emphasis, links, their ends
        ("'''''Both''''', '''bold''' and ''it''.", "Both, bold and it."),
        ("[[Cat]]s and [[dog|hounds]] at [[a_b]] [[x|]]", "Cats and hounds at a b x"),
        ("See [[:Category:Cats]] and [[w:Foo|Foo]]; [[CSI: Miami]]", "See Category:Cats and Foo; CSI: Miami"),
        ("Hi[[de:Katze]][[zh-min-nan:Niau]] [[Category:Cats]]", "Hi"),
        ("[http://a.b/c the site], [http://a.b] [//x.y/z?q=1 [two] b]", "the site, [//x.y/z?q=1 [two] b]"),
        # Files, in the words of several languages, links in their captions
        ("A [[File:x.png|thumb|A [[cat|big]] one ([[dog]])]]b", "A b"),
        ("[[Datei:x.png|a [[b]]]][[Fichier:x|[[c]]]][[文件:x.jpg|[[d]]]][[ファイル:x|e]][[ملف:x.png]]ok", "ok"),
        # Templates
        ("A {{cite|a={{b|{{c}}}}|d=[[e|f]]}}z", "A z"),
        ("{{convert|5|km|mi}}, {{Convert|5|to|8|km|mi|abbr=on}}, {{cvt|3|-|4|m}}", "5 km, 5 to 8 km, 3–4 m"),
        ("{{lang|fr|''château''}} {{lang-la|rex}} {{nowrap|10 m}}{{snd}}{{frac|1|2}}", "château rex 10 m – 1/2"),
        ("{{nihongo|Tokyo|東京|Tōkyō}} {{nihongo||東京}}", "Tokyo (東京, Tōkyō) 東京"),
        ("{{読み仮名|伯林|ベルリン}} {{仮リンク|猫|en|Cat}} {{bd|1643年|1月4日|1727年|3月31日|X}}", "伯林（ベルリン） 猫 （1643年1月4日－1727年3月31日）"),
        ("{{formatnum:1000}} {{#if:x|y}}{{{1|z}}}", "1000"),
        ("Rome ({{IPAc-en|r|oʊ|m}}; {{lang|it|Roma}}) lies ({{x}}) on ({{y}}, {{z}}) it （{{x}}、二）", "Rome (Roma) lies on it （二）"),
        ("{{x|}}a{{y|z=|}}b", "ab"),
        # Never closed: it is text
        ("a {{b [[c]] d", "a b c d"),
        ("a {{b [[c}} d", "a d"),
        ("a ]] }} b", "a b"),
        ("x <ref>y", "x y"),
        ("x <!-- y", "x"),
        # Tables, also inside one another
        ("a\n{| class=x\n|-\n| b || c\n{|\n| d\n|}\n|}\ne", "a\n\ne"),
        ("a <table><tr><td>b<table><td>c</table></td></table> d", "a d"),
        ("{| x\n| a\n! b !! c\nText", "Text"),
        # Elements
        ("a<ref name=x>{{cite}}</ref>b<ref name=\"x\" />c<ref>d<ref>e</ref>f", "abcdf"),
        ("E = <math>mc^{{2}}</math>!<!-- {{ -->\n<gallery>\nFile:a.png|[[b]]\n</gallery>c", "E = !\nc"),
        ("10<sup>-6</sup> m, H<sub>2</sub>O, 4<sup>th</sup><br />x", "10^-6 m, H2O, 4th\nx"),
        ("<nowiki>[[a]] {{b}} ''c''</nowiki><nowiki/> d", "[[a]] {{b}} ''c'' d"),
        ("<pre>\n* if (a[[0]]):\n    == x ==\n</pre>", "* if (a[[0]]):\n    == x =="),
        ("a &lt;b&gt; &amp;nbsp;&nbsp;c &amp;amp; d &#65;", "a <b> c & d A"),
        # Lines
        ("__NOTOC__a__FORCETOC__\n----\nb__目录__", "a\n\nb"),
        ("== One ==\ntext\n=== Two ===\n{{x}}\n== Three ==\n* [http://x]\n==Four==\n===Five ===\n5", "One\n\ntext\n\nFour\n\nFive\n\n5"),
        ("* a\n** b\n# c\n: d\n;e\n*\n", "- a\n  - b\n- c\nd\ne"),
        # Chinese
        ("-{zh-hans:软件; zh-hant:軟體;}-与-{zh-tw:網路;zh-cn:网络}-", "软件与网络"),
        ("-{H|zh-cn:a;zh-tw:b}--{A|zh-cn:甲; zh-tw:乙}-，-{不转}-，-{zh-tw:只繁}--{T|zh:标题}-", "甲，不转，只繁"),
        ("[[甲|-{zh-hans:乙{{lang|en|x}};zh-hant:丙}-]]", "乙x"),
        ("n-{{x}}-m 2-{[b]}-c", "n--m 2-{[b]}-c"),
    ],
)  # fmt: skip
def test_what_a_reader_would_read(wikitext: str, expected: str) -> None:
    assert text_of(wikitext) == expected


ALPHABET = ["{{", "}}", "{{{", "}}}", "[[", "]]", "{|", "|}", "\n", "|", "-{", "}-", "<ref>", "</ref>",
            "<ref ", "/>", "<!--", "-->", "<nowiki>", "</nowiki>", "<table>", "</table>", "'''", "=", "* ",
            "[http://a ", "]", "&amp;", "&lt;", "lang", ":", ";", "(", ")", ",", " ", "a", "文件", "__TOC__"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(ALPHABET), max_size=60).map("".join))
def test_any_markup_gives_text(wikitext: str) -> None:
    text = text_of(wikitext)
    assert "\n\n\n" not in text
    assert not set(re.findall("[a文]", text)) - set(wikitext), "no word of its own"


@pytest.mark.parametrize(
    "piece",
    ["{{", "{{a|", "[[", "[[a|", "}}", "{|", "\n{|", "-{", "<ref>", "<ref", "<!--", "<nowiki>", "<table>", "[http://a ",
     "[http://", "=", "\n= a", "= ", "'", "(", "(,", ",", ", ", "\n*", " ", "\n ", "_", "__A", "__", "<", "&", "&amp;",
     "{{lang|a|", "-{zh:a;", "<sup", ";", "!", "\n!", "\n!!", "{{a}}", "[[a]]", "（"],
)  # fmt: skip
def test_no_mark_repeated_makes_it_hang(piece: str) -> None:
    """Were a pattern quadratic, it would take minutes: this bound is for that alone."""
    begun = time.process_time()
    text_of(piece * (200_000 // len(piece)) + "}}" * 1000 + "x")
    assert time.process_time() - begun < 10


def test_a_megabyte_of_open_braces() -> None:
    assert text_of("{{" * 500_000) == ""
    assert text_of("a" + "{{x" * 333_000 + "}}" * 333_000 + "b") == "ab"


def test_nesting_has_no_depth_at_which_it_fails() -> None:
    deep = 100_000
    assert text_of("a" + "{{x|" * deep + "}}" * deep + "b") == "ab"
    assert text_of("a" + "\n{|\n|" * deep + "\n|}" * deep + "\nb") == "a\n\nb"
    assert text_of("{{lang|a|" * 50 + "b" + "}}" * 50) == "b"


MARKUP = re.compile(r"\{\{|\}\}|\[\[|\]\]|<ref|\{\||\|\}|'''|-\{|&nbsp;|&lt;|__[A-Z]+__|<!--")


@pytest.mark.parametrize(
    ("name", "begins", "holds", "lacks"),
    [
        ("enwiki-20120104-id39.xml", "Albedo, or reflection coefficient, is the diffuse", "\n\nTerrestrial albedo\n\n", "Percentage of diffusely"),
        ("enwiki-20120104-id12.xml", "Anarchism is generally defined as the political philosophy which holds the state to be undesirable", "\n\nEtymology and terminology\n\n", "Malatesta|first"),
    ],
)  # fmt: skip
def test_real_articles(test_data: Path, name: str, begins: str, holds: str, lacks: str) -> None:
    xml = (test_data / "wiki" / name).read_text("utf-8")
    found = re.search(r"<text[^>]*>(.*?)</text>", xml, re.S)
    assert found
    text = text_of(html.unescape(found[1]))
    assert text.startswith(begins)
    assert holds in text and lacks not in text
    assert not MARKUP.search(text)
