"""Whatever is left out is named: a file and a record of each source and reason, in every run."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks import executor
from tasks.ingest import kept_reading
from tasks.ingest.ingest import IngestReport, ingest
from tasks.params_executor import ExecutorParams
from tasks.params_huggingface import DatasetParams
from tasks.params_ingest import (
    DialoguesParams,
    FolderParams,
    IngestParams,
    NamedFilesParams,
    PythonDocsParams,
)

HI = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in records)


def answer(number: int, status: str, kind: str, body: str) -> bytes:
    block = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\r\n{body}".encode()
    return (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    ).encode() + block + b"\r\n\r\n"  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which every source that reads files leaves something out that is no damage."""
    monkeypatch.chdir(tmp_path)
    corpus = Path("corpus")
    for name in ("chat", "web", "wiki", "set"):
        (corpus / name).mkdir(parents=True)
    (corpus / "a.txt").write_text("A text that can be read.")
    faq = [{"question": f"Question {n}?", "answer": f"Answer {n}."} for n in range(200)]
    (corpus / "faq.jsonl").write_text(lines(*faq, {"text": "One of all has a text."}))
    (corpus / "mixed.jsonl").write_text(
        lines({"text": "A text."}, {"text": " "}, {"messages": HI[:1]}, {})
    )
    (corpus / "other.csv").write_text("text,note\nSomething.,\n,Nothing.\n")
    (corpus / "chat" / "t.jsonl").write_text(
        lines({"messages": HI[1:] + HI}, {"messages": HI[:1]}, {"messages": HI, "label": False})
    )
    (corpus / "web" / "1.warc").write_bytes(
        answer(1, "200 OK", "text/html", "<html><p>A page.</p></html>")
        + answer(2, "302 Found", "text/html", "<html>Moved</html>")
        + answer(3, "200 OK", "image/png", "PNG")
        + answer(1, "200 OK", "text/html", "<html><p>A page.</p></html>")
    )
    page = (
        "<page><title>{0}</title><ns>0</ns><id>{1}</id><revision><text>{2}</text></revision></page>"
    )
    (corpus / "wiki" / "1.xml").write_text(
        "<mediawiki>"
        + page.format("Aach", 1, "A river.")
        + page.format("Ach", 2, "#REDIRECT [[Aach]]")
        + page.format("Empty", 3, "")
        + page.format("Aach", 1, "A river.")
        + "</mediawiki>"
    )
    table = pa.table({"conversations": [
        [{"from": "gpt", "value": "Hello"}, *[
            {"from": side, "value": "Hi"} for side in ("human", "gpt")
        ]],
        [{"from": "human", "value": "Anyone?"}],
    ]})  # fmt: skip
    pq.write_table(table, corpus / "set" / "train.parquet")
    return corpus


def run(out: str, workers: int = 1, kept: str | None = "kept") -> IngestReport:
    paths = {"chat": "corpus/chat/", "commoncrawl": "corpus/web/", "wikipedia": "corpus/wiki/"}
    params = IngestParams(
        sources=["folder", "dialogues", "huggingface", *paths],  # type: ignore[list-item]
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(path="corpus"),
        huggingface=[DatasetParams(dataset="corpus/set")],
        **{name: NamedFilesParams(paths=[path]) for name, path in paths.items()},
    )
    return ingest(
        params,
        *(Path(out, name) for name in ("raw", "dialogues", "labelled")),
        kept=None if kept is None else Path(kept),
        executor=ExecutorParams(workers=workers),
    )


def test_each_reason_of_each_source_is_named_with_its_place(corpus: Path) -> None:
    report = run("out", kept=None)
    assert report.left_out["folder"] == {
        "conversation without an assistant's reply": 1,
        "record with an empty text": 2,
        "record without text, content, body or messages": 201,
    }
    for source, reasons in report.left_out.items():
        assert reasons, f"nothing is left out of {source}"
        for reason in reasons:
            named = [each for each in report.named if f": {reason}" in each]
            assert any(each.startswith(f"{source}: ") for each in named), (source, reason)
    for line in (
        "folder: faq.jsonl:1: record without text, content, body or messages"
        " (it holds question, answer)",
        "folder: mixed.jsonl:2: record with an empty text",
        "folder: mixed.jsonl:3: conversation without an assistant's reply",
        "folder: other.csv:2: record with an empty text",
        "chat: chat/t.jsonl:1: message beside the conversation taken",
        "chat: chat/t.jsonl:3: conversation marked as bad",
        "huggingface: set/default/train:1: message beside the conversation taken",
        "commoncrawl: web/1.warc:2: HTTP status 302",
        "commoncrawl: web/1.warc:3: neither HTML nor plain text: image",
        "wikipedia: wiki/1.xml:2: redirect",
        "wikipedia: wiki/1.xml:3: page without text",
    ):
        assert line in report.named


def test_so_many_of_one_reason_are_named(corpus: Path) -> None:
    report = run("out", kept=None)
    faq = [each for each in report.named if each.startswith("folder: faq.jsonl")]
    assert [each.split(": ")[1] for each in faq] == [f"faq.jsonl:{n}" for n in range(1, 6)]
    for kind in range(6):
        for number in range(9):
            (corpus / f"{number}.kind{kind}").touch()
    of_folder = [each for each in run("out", kept=None).named if each.startswith("folder: ")]
    assert len(of_folder) == 20
    for kind in range(30):
        (corpus / f"0.kind{kind}").touch()
    of_folder = [each for each in run("out", kept=None).named if each.startswith("folder: ")]
    assert len(of_folder) == 33 and len({each.split(": ", 2)[2] for each in of_folder}) == 33


def test_names_that_a_record_has_are_cut_to_what_a_line_holds(corpus: Path) -> None:
    record = {"x" * 500: 1, "half \ud83d\n": 2, **{f"key {n}": n for n in range(500)}, "text": None}
    del record["text"]
    (corpus / "a.jsonl").write_text(lines(record, {"text": "A text."}))
    (line,) = (each for each in run("out", kept=None).named if "a.jsonl" in each)
    assert f"({'it holds ' + 'x' * 40} ..., half \ufffd, key 0, key 1, key 2, key 3, ...)" in line


def test_the_same_is_named_whoever_reads_and_from_what_is_kept(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = run("without", kept=None).model_dump_json()
    assert run("one").model_dump_json() == without
    assert run("again").model_dump_json() == without
    monkeypatch.setattr(executor, "SMALL_BYTES", 0)
    monkeypatch.setattr(kept_reading, "PORTION_FILES", 1)
    assert run("two", workers=2, kept="of two").model_dump_json() == without
