"""What files gave is kept: only what is new is read, and the result is the same byte for byte."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grimp
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from chatwright.errors import BadInput
from tasks import executor
from tasks.documents import read_documents
from tasks.ingest import file_state, formats, kept_reading, kept_store, parsing_version, segments
from tasks.ingest.ingest import IngestReport, ingest
from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import Record
from tasks.params_executor import ExecutorParams
from tasks.params_huggingface import DatasetParams
from tasks.params_ingest import (
    DialoguesParams,
    FolderParams,
    IngestParams,
    NamedFilesParams,
    PythonDocsParams,
)
from tasks.placing import put_in_place

ROOT = Path(__file__).resolve().parents[3]
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
    return (
        f"<mediawiki xml:lang='de'><siteinfo><dbname>dewiki</dbname></siteinfo>{body}</mediawiki>"
    )


def put(path: Path, content: str | bytes) -> None:
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


def run(
    given: IngestParams, out: str = "out", kept: str | None = "kept", workers: int = 1
) -> IngestReport:
    partial = Path(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    folders = (partial / name for name in ("raw", "dialogues", "labelled"))
    report = ingest(
        given,
        *folders,
        kept=None if kept is None else Path(kept),
        before=Path(out, "raw"),
        executor=ExecutorParams(workers=workers),
    )
    put_in_place(partial, Path(out))  # as the stage does
    return report


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


def anew_and_kept(report: IngestReport, source: str = "folder") -> tuple[int, int]:
    return report.files_anew[source], report.files_kept[source]


def test_only_a_new_file_is_read_and_a_removed_one_is_gone(corpus: Path) -> None:
    first = run(params("folder")).files_anew["folder"]
    put(corpus / "aa.txt", "A new one, among the others.")
    (corpus / "b.txt").unlink()
    assert anew_and_kept(run(params("folder"))) == (1, first - 1)
    ids = {each.id for each in read_documents(Path("out/raw/folder"))}
    assert "folder/aa.txt" in ids and "folder/b.txt" not in ids
    as_without(params("folder"))


def test_a_page_is_taken_from_the_next_file_when_the_first_one_goes(corpus: Path) -> None:
    run(params())
    (corpus / "wiki" / "1.xml").unlink()
    (corpus / "web" / "1.wet").unlink()
    report = run(params())
    assert anew_and_kept(report, "wikipedia") == anew_and_kept(report, "commoncrawl") == (0, 1)
    pages = [each.id for each in read_documents(Path("out/raw/wikipedia"))]
    assert pages == ["wikipedia/dewiki/2", "wikipedia/dewiki/3"]
    as_without(params())


def test_rows_of_a_data_set_are_numbered_on_when_an_earlier_file_grows(corpus: Path) -> None:
    run(params("huggingface", "folder"))
    path = corpus / "set" / "train-00000-of-00002.parquet"
    pq.write_table(pa.table({"text": ["one", "two", "and a half"]}), path)
    report = run(params("huggingface", "folder"))
    assert anew_and_kept(report, "huggingface") == (2, 0)  # the second begins elsewhere, too
    ids = [each.id for each in read_documents(Path("out/raw/huggingface"))]
    assert ids[-1] == "huggingface/set/default/train#4"
    as_without(params("huggingface", "folder"))


def test_a_renamed_file_is_read_for_its_new_name(corpus: Path) -> None:
    first = run(params("folder")).files_anew["folder"]
    (corpus / "b.txt").rename(corpus / "z.txt")
    assert anew_and_kept(run(params("folder"))) == (1, first - 1)
    as_without(params("folder"))


@pytest.mark.parametrize("then", [1_500_000_000, 1_600_000_000])
def test_a_change_that_keeps_the_size_is_noticed_whatever_its_time(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, then: int
) -> None:
    monkeypatch.setattr(file_state, "CLOCK_NS", 10_000_000)
    path = corpus / "b.txt"
    os.utime(path, (1_600_000_000, 1_600_000_000))
    wait_for_the_clock()
    first = run(params("folder")).files_anew["folder"]
    put(path, path.read_text().replace("planes", "drones"))
    os.utime(path, (then, then))
    assert anew_and_kept(run(params("folder"))) == (1, first - 1)
    as_without(params("folder"))


def wait_for_the_clock() -> None:
    """Until what was written is older than the guard."""
    time.sleep(file_state.CLOCK_NS / 1e9 + 0.01)


def test_an_unchanged_file_is_not_even_hashed_but_a_touched_one_is(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_state, "CLOCK_NS", 10_000_000)
    wait_for_the_clock()
    first = run(params("folder")).files_anew["folder"]
    wait_for_the_clock()
    hashed: list[str] = []

    def content_of(path: Path) -> str:
        hashed.append(path.name)
        return file_state.content_of(path)

    monkeypatch.setattr(kept_store, "content_of", content_of)
    assert anew_and_kept(run(params("folder"))) == (0, first)
    assert hashed == []
    (corpus / "b.txt").touch()
    assert anew_and_kept(run(params("folder"))) == (0, first)
    assert hashed == ["b.txt"]


def test_a_parameter_of_one_source_redoes_that_source_only(corpus: Path) -> None:
    run(params())
    changed = params(huggingface=[DatasetParams(dataset="corpus/set", limit=1)])
    report = run(changed)
    assert anew_and_kept(report, "huggingface") == (1, 0)
    report.files_anew.pop("huggingface")
    assert not any(report.files_anew.values())
    as_without(changed)


def test_a_limit_counts_for_what_is_kept_too(corpus: Path) -> None:
    put(corpus / "long.txt", "A long text. " * 100)
    first = run(params("folder")).files_anew["folder"]
    short = params("folder", folder=FolderParams(path="corpus", max_document_bytes=1_000))
    report = run(short)
    assert anew_and_kept(report) == (first, 0)
    assert any("longer than 1,000 bytes" in each for each in report.left_out["folder"])
    as_without(short)


@pytest.mark.parametrize("what", ["code", "library"])
def test_another_program_reads_all_anew(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    first = run(params("folder")).files_anew["folder"]
    if what == "code":
        copy = Path("tasks")
        shutil.copytree(Path(parsing_version.__file__).parents[1], copy)
        put(copy / "ingest" / "pdf.py", (copy / "ingest" / "pdf.py").read_text() + "# new\n")
        monkeypatch.setattr(
            parsing_version, "__file__", str(copy / "ingest" / "parsing_version.py")
        )
    else:
        monkeypatch.setattr(parsing_version, "version", lambda name: "0")
    assert anew_and_kept(run(params("folder"))) == (first, 0)


def test_the_version_covers_what_reads_files() -> None:
    """What tasks/ingest imports of ours, and of others, but for what runs it or fetches files."""
    graph = grimp.build_graph("tasks", cache_dir=None, include_external_packages=True)
    own = graph.find_descendants("tasks.ingest")
    imported = {name for each in own for name in graph.find_modules_directly_imported_by(each)}
    others = {name for name in imported - own if name.startswith("tasks.")}
    named = {f"tasks.{name.removesuffix('.py')}" for name in parsing_version.CODE}
    assert others - named == {
        *(
            "tasks.executor",
            "tasks.kept_shards",
            "tasks.outlined_shards",
            "tasks.params_executor",
            "tasks.placing",
            "tasks.progress",
            "tasks.stage",
        ),
        *("tasks.params_huggingface", "tasks.params_web", "tasks.sorted_shards"),
    }
    libraries = {name for name in imported if not name.startswith("tasks.")}
    libraries -= {*sys.stdlib_module_names, "chatwright"}
    known = {
        name.replace("-", "_").replace("ruamel.yaml", "ruamel")
        for name in parsing_version.LIBRARIES
    }
    fetching = {"aiohttp", "fsspec", "huggingface_hub", "protego", "urllib3"}
    assert libraries - known == {*fetching, "pydantic"}


def kept_tables() -> list[Path]:
    return sorted(Path("kept/folder").rglob("*.parquet"))


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "listing", "listing cut"])
def test_damage_is_noticed_and_the_files_read_again(corpus: Path, damage: str) -> None:
    first = run(params("folder")).files_anew["folder"]
    path = kept_tables()[0]
    if damage.startswith("listing"):
        path = path.with_name("files.json")
    content, place = path.read_bytes(), path.stat().st_size // 2
    flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    path.write_bytes(content[:-9] if "cut" in damage else flipped)
    if damage == "gone":
        path.unlink()
    assert anew_and_kept(run(params("folder"))) == (first, 0)
    as_without(params("folder"))
    assert anew_and_kept(run(params("folder"))) == (0, first)


def test_an_error_is_told_again_and_keeps_nothing_but_what_came_before(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_reading, "PORTION_FILES", 1)
    put(corpus / "k.jsonl", '{"text": "Good."}\n{"text": \n')
    said = []
    for _ in range(2):
        with pytest.raises(BadInput, match="1 of 2 records are broken") as error:
            run(params("folder"))
        said.append(str(error.value))
    assert said[0] == said[1]
    put(corpus / "k.jsonl", '{"text": "Good."}\n')
    anew, kept = anew_and_kept(run(params("folder")))
    assert kept > 0 and anew + kept == 16
    as_without(params("folder"))


def test_a_file_that_changes_while_it_is_read_is_read_again(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def growing(file: OpenFile) -> Iterator[Record]:
        with open(corpus / "b.txt", "a") as changing:
            changing.write("More.")
        yield from formats.read_txt(file)

    with monkeypatch.context() as during:
        during.setitem(formats.READERS, ".txt", growing)
        report = run(params("folder"))
    assert report.left_out["folder"]["changed while it was read"] == 1
    read = report.files_anew["folder"]
    assert anew_and_kept(run(params("folder"))) == (1, read - 1)
    as_without(params("folder"))


def test_small_segments_become_one(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_store, "MOST_SMALL", 3)
    first = run(params("folder")).files_anew["folder"]
    for number in range(6):
        put(corpus / f"new{number}.txt", f"The new text number {number}.")
        assert anew_and_kept(run(params("folder"))) == (1, first + number)
        assert len(list(Path("kept/folder").glob("*/*"))) <= 3
    assert anew_and_kept(run(params("folder"))) == (0, first + 6)
    as_without(params("folder"))


def test_what_did_not_serve_is_removed(corpus: Path) -> None:
    run(params())
    assert {path.name for path in Path("kept").iterdir()} == {*FILES, "shards.json"}
    (corpus / "wiki" / "2.xml").unlink()
    run(params("folder", "wikipedia"))
    left = sorted(path.name for path in Path("kept").iterdir())
    assert left == ["folder", "shards.json", "wikipedia"]
    assert len(list(Path("kept/wikipedia").glob("*/*"))) == 1


def test_a_shard_that_stays_the_same_is_not_written_again(corpus: Path) -> None:
    lines = [f'{{"text": "Text number {number}."}}\n' for number in range(100)]
    put(corpus / "many.jsonl", "".join(lines))
    few = {"shard_documents": 10}
    run(params("folder", "commoncrawl", **few))
    before = shards()
    assert len(before) > 10
    put(corpus / "zz.md", "A text whose name comes after all others.")
    run(params("folder", "commoncrawl", **few))
    after = shards()
    same = {path for path, inode in after.items() if before.get(path) == inode}
    assert len(same) == len(before) - 1 and {*after} - same == {max(after)}
    as_without(params("folder", "commoncrawl", **few))
    # One that was changed since is written again, as are those of which the list is damaged.
    changed = Path(min(after))
    changed.write_bytes(changed.read_bytes()[:-1])
    run(params("folder", "commoncrawl", **few))
    assert {*shards().items()} - {*after.items()} == {(min(after), shards()[min(after)])}
    as_without(params("folder", "commoncrawl", **few))
    Path("kept/shards.json").write_bytes(b"{")
    run(params("folder", "commoncrawl", **few))
    assert not {*shards().items()} & {*after.items()}
    as_without(params("folder", "commoncrawl", **few))


def shards() -> dict[str, int]:
    """The files of documents, and which file of the disk each is."""
    return {str(path): path.stat().st_ino for path in Path("out/raw").rglob("*.parquet")}


def test_large_files_are_kept_in_pieces_and_many_in_one(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "GROUP_SIZE", 2_000)
    put(corpus / "many.jsonl", "".join(f'{{"text": "Text number {n}."}}\n' for n in range(100)))
    first = run(params("folder")).files_anew["folder"]
    (table,) = (path for path in kept_tables() if path.stem == "Document")
    assert pq.ParquetFile(table).num_row_groups > 10
    (corpus / "a.md").unlink()  # the first rows go, and all others serve
    assert anew_and_kept(run(params("folder"))) == (0, first - 1)
    as_without(params("folder"))


def test_processes_side_by_side_write_the_same(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "SMALL_BYTES", 0)
    monkeypatch.setattr(kept_reading, "PORTION_FILES", 3)
    report = run(params("folder", "wikipedia"), workers=2)
    assert anew_and_kept(report, "wikipedia") == (2, 0)
    as_without(params("folder", "wikipedia"))
    put(corpus / "b1.jsonl", '{"text": "Good."}\n{"text": \n')
    put(corpus / "z1.jsonl", '{"text": "Good."}\n{"text": \n')
    for number in range(9):
        put(corpus / f"n{number}.txt", "One text more.")
    with pytest.raises(BadInput, match="b1.jsonl: 1 of 2 records are broken"):
        run(params("folder"), workers=2)


class Worker(Executor):
    """Does a piece as a worker of a cluster would, when the stage asks; ``before`` comes first."""

    def __init__(self, before: Callable[[], None]) -> None:
        self.before = before

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.before()
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def on_a_cluster(monkeypatch: pytest.MonkeyPatch, before: Callable[[], None]) -> IngestReport:
    @contextmanager
    def workers(*_: object, **__: object) -> Iterator[executor.Workers]:
        yield executor.Workers(Worker(before), 1)

    monkeypatch.setattr(kept_reading, "workers", workers)
    shutil.rmtree("out", ignore_errors=True)
    folders = (Path("out", name) for name in ("raw", "dialogues", "labelled"))
    there = ExecutorParams(address="tcp://localhost:1")
    return ingest(params("folder"), *folders, kept=Path("kept"), executor=there)


def test_a_file_that_goes_while_a_cluster_reads_is_left_out_as_it_is_here(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = on_a_cluster(monkeypatch, lambda: (corpus / "b.txt").unlink(missing_ok=True))
    assert report.left_out["folder"]["cannot be opened"] == 1
    ids = {each.id for each in read_documents(Path("out/raw/folder"))}
    assert "folder/a.md" in ids and "folder/b.txt" not in ids


def test_a_cluster_does_not_open_what_is_kept(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(params("folder"))
    put(corpus / "aa.txt", "A new one.")
    opened: list[str] = []
    trouble = kept_reading._trouble

    def noted(path: Path) -> str | None:
        opened.append(path.name)
        return trouble(path)

    monkeypatch.setattr(kept_reading, "_trouble", noted)
    assert anew_and_kept(on_a_cluster(monkeypatch, lambda: None))[0] == 1
    assert set(opened) == {"aa.txt"}


# What is noted for MLflow is not looked at here, so nothing is started for it.
RUN = """
import os, signal, sys
import tasks.stage
from tasks.ingest import kept_reading
tasks.stage.start_shipping = lambda: None
kept_reading.PORTION_FILES = 1
done = []
def then_killed(folder):
    done.append(folder)
    if len(done) == {after}:
        os.kill(os.getpid(), signal.SIGKILL)
    return written(folder)
written, kept_reading._written = kept_reading._written, then_killed
from tasks.ingest.__main__ import main
main()
"""


def test_a_killed_run_is_gone_on_with(corpus: Path) -> None:
    yaml = YAML()
    given = yaml.load((ROOT / "params.yaml").read_text("utf-8"))
    given["ingest"]["sources"] = ["folder"]
    with open("params.yaml", "w", encoding="utf-8") as file:
        yaml.dump(given, file)

    def stage(after: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", RUN.format(after=after)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )

    assert stage(after=4).returncode == -signal.SIGKILL
    done = stage(after=0)
    assert done.returncode == 0, done.stderr
    assert "folder: 11 files read anew, 4 as kept from an earlier run" in done.stdout
    assert "folder: d.jsonl:2: record with an empty text" in done.stdout
    assert Path(".chatwright/ingest/folder").is_dir()
    run(params("folder"), kept=None)
    assert contents("data") == contents()
