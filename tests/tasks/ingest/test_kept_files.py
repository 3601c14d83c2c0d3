"""What files gave is kept: only what is new is read, and the result is the same byte for byte."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput
from tasks.documents import read_documents
from tasks.ingest import kept_reading, kept_store, parsing_version, segments
from tasks.ingest.ingest import IngestReport, ingest
from tasks.params_huggingface import DatasetParams
from tasks.params_ingest import (
    DialoguesParams,
    FolderParams,
    IngestParams,
    NamedFilesParams,
    PythonDocsParams,
)

LONG_AGO = 1_000_000_000 * 10**9
WARC = (
    "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: <urn:uuid:{name}>\r\n"
    "Content-Length: {length}\r\n\r\n{text}\r\n\r\n"
)
PAGE = (
    "<page><title>{title}</title><ns>0</ns><id>{number}</id>"
    "<revision><id>7</id><text>{title} is a town with a bridge.</text></revision></page>"
)


def record(name: str, text: str) -> bytes:
    return WARC.format(name=name, length=len(text), text=text).encode()


def dump(**pages: int) -> str:
    body = "".join(PAGE.format(title=title, number=number) for title, number in pages.items())
    return f"<mediawiki xml:lang='de'><siteinfo><dbname>dewiki</dbname></siteinfo>{body}</mediawiki>"


def put(path: Path, content: str | bytes) -> None:
    """A file that was there long before the stage looks at it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something for every source that reads files, and things left out."""
    monkeypatch.chdir(tmp_path)
    corpus = Path("corpus")
    put(corpus / "a.md", "# Leave\n\nAsk three days before.")
    put(corpus / "b.txt", "Trains first, then planes.")
    put(corpus / "deep" / "c.html", "<title>Pay</title><main><p>It is paid on the 25th.</p></main>")
    put(corpus / "d.jsonl", '{"text": "First."}\n{"text": ""}\n{"text": "Third."}\n')
    put(corpus / "e.pptx", "no format that is read")
    put(corpus / "f.txt.gz", gzip.compress(b"Words, and more words. " * 1000)[:-9])
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    put(corpus / "talk" / "t.jsonl", json.dumps({"messages": talk}))
    put(corpus / "sets" / "dev.csv", "text,label\nFine.,1\nBad.,0\n")
    answers = [{"text": "red", "answer_start": 6}]
    qas = [{"id": "1", "question": "Which colour?", "answers": answers}]
    paragraphs = [{"context": "It is red.", "qas": qas}]
    put(corpus / "sets" / "q.json", json.dumps({"data": [{"paragraphs": paragraphs}]}))
    # A record and a page that stand in two files: the first is taken, the other left out.
    put(corpus / "web" / "1.wet", record("a", "The first page.") + record("b", "The second page."))
    put(corpus / "web" / "2.wet", record("b", "The second page.") + record("a", "Another page."))
    put(corpus / "wiki" / "1.xml", dump(Aach=1, Bonn=2))
    put(corpus / "wiki" / "2.xml", dump(Bonn=2, Calw=3))
    for number, texts in enumerate((["one", "two"], ["three"])):
        (corpus / "set").mkdir(exist_ok=True)
        path = corpus / "set" / f"train-0000{number}-of-00002.parquet"
        pq.write_table(pa.table({"text": texts}), path)
    return corpus


def params(*sources: str, **changed: object) -> IngestParams:
    paths = {
        "chat": ["corpus/talk/*"],
        "labelled": ["corpus/sets/*.csv"],
        "questions": ["corpus/sets/*.json"],
        "commoncrawl": ["corpus/web/"],
        "wikipedia": ["corpus/wiki/"],
    }
    everything = ("folder", "huggingface", *paths)
    return IngestParams(
        sources=list(sources or everything),  # type: ignore[arg-type]
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        **{  # type: ignore[arg-type]
            "folder": FolderParams(path="corpus"),
            "huggingface": [DatasetParams(dataset="corpus/set")],
            **{name: NamedFilesParams(paths=some) for name, some in paths.items()},
            **changed,
        },
    )


def run(given: IngestParams, out: str = "out", kept: str | None = "kept") -> IngestReport:
    shutil.rmtree(out, ignore_errors=True)
    folders = (Path(out, name) for name in ("raw", "dialogues", "labelled"))
    return ingest(given, *folders, kept=None if kept is None else Path(kept))


def contents(folder: str = "out") -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def as_without(given: IngestParams) -> None:
    """See that the last run wrote what one without anything kept writes."""
    last = contents()
    report = run(given, "without", kept=None)
    assert contents("without") == last and report.files_anew == {}


FILES = {"chat": 1, "commoncrawl": 2, "folder": 6, "huggingface": 2, "labelled": 1, "questions": 1}
FILES["wikipedia"] = 2


def test_a_second_run_reads_nothing_and_writes_the_same(corpus: Path) -> None:
    first = run(params())
    written = contents()
    assert first.files_anew == FILES and not any(first.files_kept.values())
    second = run(params())
    assert second.files_kept == FILES and not any(second.files_anew.values())
    assert contents() == written
    alone = run(params(), "without", kept=None)
    assert contents("without") == written
    assert first.model_dump() == second.model_dump() == alone.model_dump()
    assert alone.left_out["commoncrawl"] == {"same record as before": 1}
    assert list(alone.left_out["wikipedia"].values()) == [1]
    assert len(alone.left_out["folder"]) == 3


def test_only_a_new_file_is_read_and_a_removed_one_is_gone(corpus: Path) -> None:
    first = run(params("folder")).files_anew["folder"]
    put(corpus / "aa.txt", "A new one, among the others.")
    (corpus / "b.txt").unlink()
    report = run(params("folder"))
    assert (report.files_anew["folder"], report.files_kept["folder"]) == (1, first - 1)
    ids = {each.id for each in read_documents(Path("out/raw/folder"))}
    assert "folder/aa.txt" in ids and "folder/b.txt" not in ids
    as_without(params("folder"))
