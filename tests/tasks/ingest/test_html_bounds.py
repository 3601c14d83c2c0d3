"""Pages that are made to cost more than their size are read in another way, or refused."""

from pathlib import Path

import pytest

from tasks.ingest.folder import folder
from tasks.ingest.formats import text_of_page
from tasks.ingest.html_bounds import bounded
from tasks.ingest.left_out import LeftOut
from tasks.ingest.text_encoding import Decoded, Undecodable
from tasks.params_ingest import FolderParams


def text(page: str) -> str:
    return text_of_page(Decoded(page, "utf-8")).text


@pytest.mark.timeout(60)  # without the bound, hours and all memory
@pytest.mark.parametrize(
    "tags",
    [
        "<b><i><a>",
        "<p><font color=#>x",
        "<FONT color=#>x<P>",
        "<li><b>",
        "<button><b>",
        "<nobr><div>",
        "<table><td>",
        "<b/><p>x",
    ],
)
def test_a_megabyte_of_tags_that_nothing_closes_is_a_counted_reason(
    tmp_path: Path, tags: str
) -> None:
    pieces = range(1_000_000 // len(tags))
    (tmp_path / "a.html").write_text("".join(tags.replace("#", str(each)) for each in pieces))
    left_out = LeftOut()
    assert not list(folder(FolderParams(path=str(tmp_path)), left_out))
    assert left_out.counts == {"HTML with too many tags that nothing closes": 1}


@pytest.mark.timeout(60)  # without the bound, a billion nodes
@pytest.mark.parametrize("tag", ["font color=#", "FONT\ncolor='>#'", "b class=#", "tt/x#"])
def test_text_between_formatting_tags_that_would_multiply_is_read(tag: str) -> None:
    words = [f"word{number}" for number in range(15_000)]
    tags = [tag.replace("#", str(number)) for number in range(15_000)]
    page = "".join(f"<p><{each}>{word}\n" for each, word in zip(tags, words, strict=True))
    assert text(page).split() == words


def test_a_long_page_that_closes_its_tags_is_as_it_was() -> None:
    line = '<tr><td><b>Name</b><td><a href="/x">A <i>fine</i> thing</a> <br>&lt;font&gt;</tr>\n'
    page = f"<table>{line * 10_000}</table><p>One<p>Two<ul><li>x<li>y</ul>"
    assert bounded(page) is page


def test_many_paragraphs_and_cells_without_end_tags_are_no_harm() -> None:
    page = "<p>One<br>two\n" * 50_000 + "<table>" + "<tr><td>x<td>y\n" * 20_000
    assert bounded(page) is page


@pytest.mark.parametrize("tag", ['use href="#m" x="1"', "path\nd='M0 0'", "CIRCLE", "mspace "])
def test_elements_of_drawings_and_formulas_that_close_themselves_are_no_harm(tag: str) -> None:
    page = f"<p>Many things.</p><svg>{f'<{tag}/>' * 50_000}</svg><p>The end."
    assert bounded(page) is page
    assert text(page).split() == "Many things. The end.".split()


@pytest.mark.parametrize("tag", ["div/", "b class=x /", "my-element/", "o:p/", "use"])
def test_a_slash_does_not_close_what_the_parser_leaves_open(tag: str) -> None:
    with pytest.raises(Undecodable, match="too many tags that nothing closes"):
        bounded(f"<p>{f'<{tag}>' * 50_000}")


@pytest.mark.parametrize("name", ["script", "STYLE", "script async"])
def test_comparisons_in_a_program_are_no_tags(name: str) -> None:
    page = f"<{name}>{'if(i<n||a<b){}' * 30_000}</{name.split()[0]}><p>The end."
    assert bounded(page) is page


def test_tags_after_a_program_are_looked_at() -> None:
    with pytest.raises(Undecodable, match="too many tags that nothing closes"):
        bounded(f"<script>i<n</script>{'<x>' * 50_000}<script>i<n</script><style></style>")


@pytest.mark.parametrize("one", [" a=1", " a/", ' a=""', " a='>'", " a", "/a", ' a = "="', 'a=""'])
def test_a_tag_of_many_attributes_is_refused(one: str) -> None:
    with pytest.raises(Undecodable, match="more than 5,000 attributes of one tag"):
        bounded(f"<p class='>'{one * 5_000}>")


def test_a_page_of_many_tags_with_some_attributes_is_none_of_those() -> None:
    page = "<p class='a b' id=x data-y = \"<>\">text</p>\n" * 900
    assert bounded(page) == page
