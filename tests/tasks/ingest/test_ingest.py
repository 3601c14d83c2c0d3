"""The stage as a whole: all sources in, the same bytes each time."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatwright.errors import BadInput, CorpusTooSmall, MissingInput
from tasks.documents import (
    DOCUMENT_SCHEMA,
    Document,
    read_dialogues,
    read_documents,
    read_table,
    write_documents,
)
from tasks.ingest.ingest import IngestReport, ingest
from tasks.labelled import read_labelled_texts, read_questions
from tasks.params_ingest import (
    DialoguesParams,
    FolderParams,
    IngestParams,
    NamedFilesParams,
    PythonDocsParams,
)


def params(corpus: Path, *sources: str) -> IngestParams:
    return IngestParams(
        sources=list(sources),
        python_docs=PythonDocsParams(limit=200),
        dialogues=DialoguesParams(),
        folder=FolderParams(path=str(corpus)),
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.parquet")}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "b.txt").write_text("Second file, read first or last.")
    (corpus / "a.md").write_text("# First\n\nSome words.")
    (corpus / "talk.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "Hi"},'
        ' {"role": "assistant", "content": "Hello"}]}\n'
    )
    (corpus / "slides.pptx").write_bytes(b"%PDF-1.7")
    return corpus


def run(corpus: Path, out: Path, *sources: str) -> IngestReport:
    return ingest(params(corpus, *sources), out / "raw", out / "dialogues", out / "labelled")


def test_all_sources_stand_where_they_belong(corpus: Path, tmp_path: Path) -> None:
    report = run(corpus, tmp_path, "dialogues", "folder")
    assert report.documents == {"dialogues": 0, "folder": 2}
    assert report.dialogues["folder"] == 1 and report.dialogues["dialogues"] > 1_000
    assert report.left_out["folder"] == {"not a format that is read (.pptx)": 1}
    assert "folder: slides.pptx: not a format that is read (.pptx)" in report.named
    assert report.characters["folder"] == sum(
        map(len, ["Second file, read first or last.", "# First\n\nSome words.", "Hi", "Hello"])
    )
    found = [each.id for each in read_documents(tmp_path / "raw" / "folder")]
    assert found == ["folder/a.md", "folder/b.txt"]
    names = [each.id for each in read_dialogues(tmp_path / "dialogues")]
    assert names == sorted(names) and "folder/talk.jsonl#1" in names


@pytest.mark.slow
def test_two_runs_write_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    sources = ("python-docs", "dialogues", "folder")
    first = run(corpus, tmp_path / "first", *sources)
    second = run(corpus, tmp_path / "second", *reversed(sources))
    assert first == second
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_no_text_at_all_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusTooSmall, match="no text in any of: folder.*python-docs"):
        run(tmp_path / "empty", tmp_path, "folder")


def test_no_text_at_all_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("", "utf-8")
    with pytest.raises(
        CorpusTooSmall,
        match=r"folder \(left out 1: no text in it; as folder: a\.txt.*\)\. Put files",
    ):
        run(tmp_path / "files", tmp_path, "folder")


def test_missing_folder_is_an_error_only_when_it_is_a_source(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        run(tmp_path / "nowhere", tmp_path, "dialogues", "folder")
    assert run(tmp_path / "nowhere", tmp_path, "dialogues").documents == {"dialogues": 0}


def test_documents_survive_being_written_in_shards(tmp_path: Path) -> None:
    documents = [
        Document(
            id=f"x/{number:02d}",
            source="x",
            title=f"标题 {number}",
            text="text\n" * number,
            lang="zh",
            fetched_at=datetime(2024, 5, number, tzinfo=UTC),
            meta={"b": [number], "a": None},
        )
        for number in range(1, 8)
    ]
    write_documents(reversed(documents), tmp_path, shard_rows=3)
    assert sorted(contents(tmp_path)) == [f"part-0000{n}.parquet" for n in range(3)]
    assert list(read_documents(tmp_path)) == documents


def test_corrupt_shard_is_named(tmp_path: Path) -> None:
    write_documents([Document("x/1", "x", "t", "text", "en")], tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"part-00000\.parquet: cannot be read"):
        read_table(tmp_path, DOCUMENT_SCHEMA)
    with pytest.raises(MissingInput, match="no Parquet file"):
        read_table(tmp_path / "nowhere", DOCUMENT_SCHEMA)


def test_files_that_a_source_names_are_left_to_it(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    (corpus / "sets").mkdir(parents=True)
    (corpus / "a.txt").write_text("A text of the folder.")
    talk = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'
    (corpus / "sets" / "talk.jsonl").write_text(talk)
    (corpus / "sets" / "dev.csv").write_text("text,label\nFine.,1\n")
    (corpus / "sets" / "q.json").write_text(
        '{"data": [{"paragraphs": [{"context": "It is red.", "qas": [{"id": "1",'
        ' "question": "Which colour?", "answers": [{"text": "red", "answer_start": 6}]}]}]}]}'
    )
    sets = {
        name: NamedFilesParams(paths=[str(corpus / "sets" / pattern)])
        for name, pattern in (("chat", "*.jsonl"), ("labelled", "*.csv"), ("questions", "q*"))
    }
    named = params(corpus, "folder", *sets).model_copy(update=sets)
    report = ingest(named, tmp_path / "raw", tmp_path / "dialogues", tmp_path / "labelled")
    assert [each.id for each in read_documents(tmp_path / "raw")] == ["folder/a.txt"]
    assert [each.id for each in read_dialogues(tmp_path / "dialogues")] == [
        "chat/sets/talk.jsonl#1"
    ]
    (text,) = read_labelled_texts(tmp_path / "labelled")
    assert (text.id, text.label, text.split) == ("labelled/sets/dev.csv#1", "1", "validation")
    (question,) = read_questions(tmp_path / "labelled")
    assert (question.id, question.answers) == (
        "questions/sets/q.json#1",
        [{"text": "red", "start": 6}],
    )
    assert report.labelled == {"labelled": 1, "questions": 1} and not any(report.left_out.values())


def test_wrong_name_of_a_set_is_told_before_anything_is_read(corpus: Path, tmp_path: Path) -> None:
    (corpus / "bad.parquet").write_bytes(b"no table")  # an error, too, if it were read
    wrong = {"questions": NamedFilesParams(paths=[str(corpus / "none.json")])}
    named = params(corpus, "folder", "questions").model_copy(update=wrong)
    with pytest.raises(
        MissingInput, match=r"ingest\.questions\.paths, .*none\.json: there is no such"
    ):
        ingest(named, tmp_path / "raw", tmp_path / "dialogues", tmp_path / "labelled")


def test_without_labelled_sources_the_tables_are_there_and_empty(
    corpus: Path, tmp_path: Path
) -> None:
    run(corpus, tmp_path, "folder")
    assert not list(read_labelled_texts(tmp_path / "labelled"))
    assert not list(read_questions(tmp_path / "labelled"))
