"""Pages and Markdown that are made to take long, and the language that a file says it is in."""

import json
from pathlib import Path

import pytest

from tasks.documents import Dialogue, Document
from tasks.ingest.chat import chat
from tasks.ingest.folder import folder
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.params_ingest import FolderParams


def read(root: Path, left_out: LeftOut | None = None) -> list[Document | Dialogue]:
    return list(folder(FolderParams(path=str(root)), left_out or LeftOut()))


def only(root: Path) -> Document:
    (found,) = read(root)
    assert isinstance(found, Document)
    return found


# Each of these takes hours, if its time grows with the square of its length.
@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# a" + " " * 1_000_000 + "b\n\ntext", "a b"),
        ("#" + " " * 1_000_000 + "\n# Title", "Title"),
        ("# a " + "#" * 1_000_000 + "b\n\ntext", None),
        ("---\ntitle: a" + " " * 1_000_000 + "b\n---\ntext", "a b"),
        ("# Title ##  \ntext", "Title"),
        ("# C#\ntext", "C#"),
        ("#\n\n# Title\r\ntext", "Title"),
        ("Title\r\n===  \r\ntext", "Title"),
    ],
)  # fmt: skip
def test_heading_of_any_length(tmp_path: Path, text: str, title: str | None) -> None:
    (tmp_path / "x.md").write_text(text, newline="")
    found = only(tmp_path).title
    assert found == title if title else found.startswith("a ###")


@pytest.mark.parametrize(
    "page",
    ["<div>" * 40_000, "<div>" * 100_000 + "x" + "</div>" * 100_000, "<b>" * 600 + "x", "<DIV\n>" * 600, "<div/>" * 600, "<div></x>" * 600, "<!--><svg>" + "<g>" * 600, "<div><!--</div>-->" * 600],
)  # fmt: skip
def test_page_of_elements_too_deep_inside_one_another_is_named(tmp_path: Path, page: str) -> None:
    (tmp_path / "x.html").write_text(f"<p>Text</p>{page}")
    left_out = LeftOut()
    assert read(tmp_path, left_out) == []
    assert left_out.named == ["x.html: HTML with more than 512 levels"]


@pytest.mark.parametrize(
    "page",
    [
        "<ul>" + "<li>Text" * 2_000 + "</ul>",
        "<p>Text<br>" * 2_000,
        "<div>Text</div>" * 2_000,
        "<table>" + "<tr><td>Text" * 2_000 + "</table>",
        "<p>Text</p><!--" + "<div>" * 2_000 + "-->",
        "<p>Text</p><script>'" + "<div>" * 2_000 + "'</script>",
        '<p>Text<a id="x"/>' * 2_000,
        "<p>Text</p><textarea>" + "<div>" * 2_000 + "</textarea>",
        "<p>Text</p><svg>" + "<path/>" * 2_000 + "</svg>",
    ],
)
def test_long_page_of_shallow_elements_is_read(tmp_path: Path, page: str) -> None:
    (tmp_path / "x.html").write_text(page)
    assert "Text" in only(tmp_path).text


CHINESE = "今天天气很好，我们去公园散步。"


@pytest.mark.parametrize(
    ("declared", "text", "lang"),
    [
        ("en", CHINESE * 20, "zh"),
        ("en-US", "Der Ordner wird mit allem, was darin ist, an einen anderen Ort kopiert.", "de"),
        ("de-DE", "Impressum", "de"),
        ("zh_TW", "2024", "zh"),
        ("", "Impressum", "en"),
    ],
)
def test_language_of_a_page_is_told_by_its_text_and_else_by_what_it_says(
    tmp_path: Path, declared: str, text: str, lang: str
) -> None:
    attribute = f' lang="{declared}"' if declared else ""
    (tmp_path / "x.html").write_text(f"<html{attribute}><body><p>{text}</p></body></html>")
    page = only(tmp_path)
    assert page.lang == lang
    assert page.meta.get("declared_language", "") == declared[:2]


@pytest.mark.parametrize(
    ("given", "lang"),
    [("zh_TW", "zh"), ("ZH", "zh"), ("yue", "zh"), ("pt-BR", "pt"), ("fr", "fr"), ("", "en")],
)
def test_language_that_a_record_gives_wins_in_the_form_of_those_told(
    tmp_path: Path, given: str, lang: str
) -> None:
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    records = [{"text": "Some text.", "lang": given}, {"messages": talk, "lang": given}]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert [each.lang for each in read(tmp_path)] == [lang, lang]
    (tmp_path / "y.json").write_text(json.dumps(records[1:]))
    named = NamedFiles("chat", [f"{tmp_path}/y.json"], FolderParams(path=str(tmp_path)))
    assert [each.lang for each in chat(named, LeftOut())] == [lang]
