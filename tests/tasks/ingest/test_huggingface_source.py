"""Data sets by name: from a stand-in for the hub on this machine, and from folders."""

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import (
    BadInput,
    BadParameter,
    ChatwrightError,
    MissingInput,
    ServiceUnavailable,
)
from tasks.documents import Dialogue, Document, read_documents
from tasks.ingest.huggingface import check_datasets, huggingface
from tasks.ingest.ingest import ingest
from tasks.ingest.left_out import LeftOut
from tasks.params_huggingface import DatasetParams
from tasks.params_ingest import DialoguesParams, FolderParams, IngestParams, PythonDocsParams
from tests.tasks.ingest.stand_in_hub import Commit, Hub

MAIN, OLD, COPY = "a" * 40, "b" * 40, "c" * 40
PAGE = "https://huggingface.co/datasets/me/set"


def table(**columns: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub on which me/set has nothing yet."""

    class Served(Hub):
        sets = {"me/set": {"main": Commit(MAIN)}}
        gated: set[str] = set()
        asked: list[str] = []
        down = False

    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    # What HF_ENDPOINT sets when the library is imported, as it is here already.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    yield Served
    server.shutdown()
    server.server_close()


def params(*choices: DatasetParams, sources: Any = ("huggingface",), **limits: Any) -> IngestParams:
    return IngestParams(
        sources=list(sources),
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(**limits),
        huggingface=list(choices),
    )


def read(left_out: LeftOut | None = None, **choice: Any) -> list[Document | Dialogue]:
    choices = params(DatasetParams(**{"dataset": "me/set", **choice}))
    return list(huggingface(choices, left_out or LeftOut()))


def texts(**choice: Any) -> list[str]:
    return [each.text for each in read(**choice) if isinstance(each, Document)]


def refused(**choice: Any) -> ChatwrightError:
    with pytest.raises(ChatwrightError) as error:
        check_datasets(params(DatasetParams(**{"dataset": "me/set", **choice})))
    return error.value


def resolved(hub: type[Hub]) -> list[str]:
    """The files that were copied, wholly or in part."""
    return [path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path]


def test_language_licence_and_time_of_a_row_come_before_those_of_the_set(hub: type[Hub]) -> None:
    rows = table(
        text=["Ein Satz.", "Zwei Worte"],
        lang=["de-AT", "$^$"],
        license=["cc0-1.0", None],
        timestamp=pa.array([1_577_836_800_000_000_001, None], pa.timestamp("ns", "UTC")),
    )
    hub.sets["me/set"]["main"] = Commit(MAIN, {"data/train.parquet": rows}, {"license": "mit"})
    told = [(d.lang, d.license, d.fetched_at) for d in read() if isinstance(d, Document)]
    assert told == [("de", "cc0-1.0", datetime(2020, 1, 1, tzinfo=UTC)), ("en", "mit", None)]


def test_rows_become_documents(hub: type[Hub]) -> None:
    hub.sets["me/set"]["main"] = Commit(
        MAIN,
        {
            "data/train-00000-of-00002.parquet": table(
                text=["The first text of all.", "  "], title=["One", "Two"], n=[1, 2]
            ),
            "data/train-00001-of-00002.parquet": table(
                text=["复制整个文件夹"], title=[None], url=["https://example.com/3"]
            ),
            "data/test-00000-of-00001.parquet": table(text=["Held out."]),
        },
        {"license": ["mit", "cc0-1.0"]},
    )
    left_out = LeftOut()
    assert read(left_out) == [
        Document(
            id="huggingface/me/set/default/train#1",
            source="huggingface",
            title="One",
            text="The first text of all.",
            lang="en",
            url=PAGE,
            license="mit, cc0-1.0",
            meta={"path": "data/train-00000-of-00002.parquet", "revision": MAIN},
        ),
        Document(
            id="huggingface/me/set/default/train#3",
            source="huggingface",
            title="me/set/default/train 3",
            text="复制整个文件夹",
            lang="zh",
            url="https://example.com/3",
            license="mit, cc0-1.0",
            meta={"path": "data/train-00001-of-00002.parquet", "revision": MAIN},
        ),
    ]
    assert left_out.counts == {"record with an empty text": 1}
    assert left_out.versions == {"huggingface/me/set/default/train": MAIN}
    assert texts(split="test") == ["Held out."]


def test_a_limit_fetches_no_more_files_than_it_needs(hub: type[Hub]) -> None:
    hub.sets["me/set"]["main"].files = {
        f"data/train-0000{n}-of-00003.parquet": table(text=[f"{n}a", f"{n}b"]) for n in range(3)
    }
    assert texts(limit=3) == ["0a", "0b", "1a"]
    assert set(resolved(hub)) == {f"train-0000{n}-of-00003.parquet" for n in (0, 1)}
    hub.asked.clear()
    assert texts(limit=2) == ["0a", "0b"]
    assert resolved(hub) == []  # it is here already, and no other is needed
    assert texts() == ["0a", "0b", "1a", "1b", "2a", "2b"]


def test_the_text_and_title_may_be_named(hub: type[Hub]) -> None:
    columns = {"text": ["no"], "body": ["yes"], "title": ["no"], "headline": ["Yes"], "n": [1]}
    hub.sets["me/set"]["main"].files = {"train.parquet": table(**columns)}
    (found,) = read(text="body", title="headline")
    assert isinstance(found, Document)
    assert (found.text, found.title) == ("yes", "Yes")


@pytest.mark.parametrize("is_dictionary", [True, False])
def test_a_long_value_that_rows_share_is_not_unpacked_for_many_at_once(
    hub: type[Hub], is_dictionary: bool
) -> None:
    # Stored once, 10 MB; as texts, these rows would be 1 GB. 26 are read, and the next are too many.
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int32()), ["x" * 10_000_000])
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": shared}), stream, store_schema=is_dictionary)
    hub.sets["me/set"]["main"].files = {"train.parquet": stream.getvalue()}
    expansion = 400_000_000 // len(stream.getvalue())
    left_out = LeftOut()
    choices = params(DatasetParams(dataset="me/set"), max_expansion=expansion)
    rows = sum(1 for _ in huggingface(choices, left_out))
    assert rows == 26, "256 MB of them"
    reason = f"expands more than {expansion}-fold (ingest.folder.max_expansion)"
    assert left_out.counts == {reason: 1}


CALLED = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
SHARED = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]


@pytest.mark.parametrize(
    "columns",
    [
        {"messages": [CALLED], "text": ["Hi Hello"]},
        {"conversations": [SHARED]},
        {"instruction": ["Hi"], "input": [""], "output": ["Hello"], "text": ["Hi Hello"]},
    ],
)
def test_conversations_become_dialogues(hub: type[Hub], columns: dict[str, Any]) -> None:
    hub.sets["me/set"]["main"].files = {"train.parquet": table(**columns)}
    (found,) = read()
    assert found == Dialogue(
        "huggingface/me/set/default/train#1", "huggingface", "en", "huggingface", CALLED
    )
    if "text" in columns:
        assert texts(text="text") == ["Hi Hello"]


def test_what_is_not_in_parquet_is_read_from_the_copy_of_the_hub(hub: type[Hub]) -> None:
    hub.sets["me/set"] = {
        "main": Commit(MAIN, {"train.csv": b"text\nno\n"}, {"license": "mit"}),
        "refs/convert/parquet": Commit(
            COPY, {"default/train/0000.parquet": table(text=["a"]), "de/partial-train/0000.parquet": table(text=["b"])}
        ),
    }  # fmt: skip
    (found,) = read()
    assert isinstance(found, Document)
    assert (found.text, found.license, found.meta["revision"]) == ("a", "mit", COPY)
    assert texts(revision=COPY) == ["a"]
    left_out = LeftOut()
    assert [each.id for each in read(left_out, config="de")] == ["huggingface/me/set/de/train#1"]
    assert left_out.named == [
        "me/set/de/train: rows beyond the beginning that the hub has converted"
    ]
    assert str(refused(config="fr")) == (
        "ingest.huggingface, me/set: has no configuration fr. There are: de, default."
    )
    # The copy is that of main, and no other revision's.
    hub.sets["me/set"]["old"] = Commit(OLD, {"train.csv": b"text\nno\n"})
    assert "has no Parquet files" in str(refused(revision="old"))


def test_a_revision_is_read_as_it_was(hub: type[Hub]) -> None:
    hub.sets["me/set"] = {
        "main": Commit(MAIN, {"train.parquet": table(text=["new"])}),
        "refs/pr/1": Commit(OLD, {"train.parquet": table(text=["old"])}),
    }
    for revision in ("refs/pr/1", OLD):
        (found,) = read(revision=revision)
        assert isinstance(found, Document)
        assert (found.text, found.meta["revision"]) == ("old", OLD)
    assert texts() == ["new"]


def test_a_new_commit_fetches_only_the_files_that_it_changed(hub: type[Hub]) -> None:
    names = [f"data/train-0000{n}-of-00002.parquet" for n in range(2)]
    first = {name: table(text=[name[-20:-8]]) for name in names}
    hub.sets["me/set"]["main"] = Commit(MAIN, first)
    texts()
    hub.sets["me/set"]["main"] = Commit(OLD, {**first, names[1]: table(text=["new"])})
    hub.asked.clear()
    assert texts()[1] == "new"
    assert set(resolved(hub)) == {"train-00001-of-00002.parquet"}
    copies = [path for path in Path(".chatwright/remote").rglob("*") if path.is_file()]
    assert len(copies) == 2


FILES = [
    "README.md",
    "data/train-00000-of-00001.parquet",
    "data/train_sft-00000-of-00001-0a1b2c3d4e5f6071.parquet",
    "de/dev.parquet",
    "de/test/part-1.parquet",
    "de/train/0001.parquet",
    "de/train/0000.parquet",
    ".hidden/train.parquet",
    "train.jsonl",
]


def named(*names: str) -> dict[str, bytes]:
    return {name: table(text=[name]) for name in names}


@pytest.mark.parametrize(
    ("config", "split", "expected"),
    [
        (None, "train", ["data/train-00000-of-00001.parquet"]),
        (None, "train_sft", ["data/train_sft-00000-of-00001-0a1b2c3d4e5f6071.parquet"]),
        ("de", "validation", ["de/dev.parquet"]),
        ("de", "test", ["de/test/part-1.parquet"]),
        ("de", "train", ["de/train/0000.parquet", "de/train/0001.parquet"]),
    ],
)
def test_paths_tell_configurations_and_splits(
    hub: type[Hub], config: str | None, split: str, expected: list[str]
) -> None:
    hub.sets["me/set"]["main"].files = named(*FILES)
    assert texts(config=config, split=split) == expected


@pytest.mark.parametrize(
    ("config", "split", "expected"),
    [
        (None, "train", ["sample/10BT/000.parquet", "sample/10BT/001.parquet"]),
        ("all", "train", ["data/CC-1/000.parquet", "data/CC-2/000.parquet"]),
        ("all", "dev", ["dev.parquet"]),
        ("folder", "train", ["data/CC-2/000.parquet"]),
    ],
)
def test_the_card_tells_configurations_and_splits(
    hub: type[Hub], config: str | None, split: str, expected: list[str]
) -> None:
    files = [f"sample/10BT/00{n}.parquet" for n in range(2)]
    hub.sets["me/set"]["main"] = Commit(
        MAIN,
        named(*files, "data/CC-1/000.parquet", "data/CC-2/000.parquet", "dev.parquet"),
        {
            "configs": [
                {"config_name": "all", "data_files": [
                    {"split": "train", "path": ["data/*/*.parquet"]}, {"split": "dev", "path": "dev.*"}]},
                {"config_name": "small", "default": True, "data_files": "sample/10BT/*"},
                {"config_name": "folder", "data_dir": "data/CC-2"},
            ]
        },
    )  # fmt: skip
    assert texts(config=config, split=split) == expected


def test_a_folder_laid_out_likewise(tmp_path: Path) -> None:
    root = tmp_path / "corpus/sets/wiki"
    (root / "data").mkdir(parents=True)
    (root / "data/train-00000-of-00001.parquet").write_bytes(table(text=["One."], id=[7]))
    (root / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# A data set\n")
    (tmp_path / "corpus/other.txt").write_text("Another text.")
    choice = DatasetParams(dataset="corpus/sets/wiki")
    given = params(choice, sources=["folder", "huggingface"])
    report = ingest(given, tmp_path / "raw", tmp_path / "dialogues", tmp_path / "labelled")
    # The folder leaves the data set alone, its card included.
    assert report.documents == {"folder": 1, "huggingface": 1}
    assert list(read_documents(tmp_path / "raw/huggingface")) == [
        Document(
            id="huggingface/sets/wiki/default/train#1",
            source="huggingface",
            title="sets/wiki/default/train 1",
            text="One.",
            lang="en",
            license="cc-by-4.0",
            meta={"path": "data/train-00000-of-00001.parquet"},
        )
    ]


def test_the_report_says_which_commit_was_read(hub: type[Hub], tmp_path: Path) -> None:
    hub.sets["me/set"]["main"].files = named("train.parquet")
    given = params(DatasetParams(dataset="me/set"))
    report = ingest(given, tmp_path / "raw", tmp_path / "dialogues", tmp_path / "labelled")
    assert report.versions == {"huggingface/me/set/default/train": MAIN}


WHERE = "ingest.huggingface, "


@pytest.mark.parametrize(
    ("choice", "kind", "sentence"),
    [
        ({"dataset": "me/none"}, MissingInput, "me/none: there is neither a folder nor a public data set of that name. Mend the name, or set HF_TOKEN if it is private."),
        ({"dataset": "none"}, BadParameter, "none: there is no such folder, and names on the hub are of the form owner/name. Mend the name."),
        ({"revision": "v9"}, MissingInput, "me/set: has no revision v9. Name a branch, tag or commit."),
        ({"config": "fr"}, MissingInput, "me/set: has no configuration fr. There are: de, default."),
        ({"config": "de", "split": "dev"}, MissingInput, "me/set: has no split dev in the configuration de. There are: test, train."),
        ({"split": "dev"}, MissingInput, "me/set: has no split dev. There are: train."),
        ({}, BadInput, "me/set: has no column named text, content, body, and no conversations. Name one as text: question, answer."),
        ({"text": "texts"}, BadInput, "me/set: the column texts is not there. Name one as text: question, answer."),
        ({"text": "n"}, BadInput, "me/set: the column n holds no texts. Name one as text: question, answer."),
        ({"text": "answer", "title": "n"}, BadInput, "me/set: the column n holds no texts. Name one as title: question, answer."),
        ({"config": "de"}, BadInput, "me/set: has no column named text, content, body, and no conversations. None of its columns holds texts: n."),
        ({"config": "de", "split": "test"}, BadInput, "me/set, de/test.parquet: is a broken Parquet file ("),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(
    hub: type[Hub], choice: dict[str, Any], kind: type[ChatwrightError], sentence: str
) -> None:
    hub.sets["me/set"]["main"].files = {
        "train.parquet": table(question=["?"], answer=["!"], n=[1]),
        "de/train.parquet": table(n=[1]),
        "de/test.parquet": b"<html>no table</html>",
    }
    error = refused(**choice)
    assert isinstance(error, kind)
    assert str(error).startswith(WHERE + sentence)
    assert not list(Path(".chatwright").rglob("*.parquet"))  # told before anything was copied


def test_several_configurations_are_named(hub: type[Hub]) -> None:
    hub.sets["me/set"]["main"].files = named(*(f"c{n:02}/train.parquet" for n in range(14)))
    assert str(refused()) == (
        f"{WHERE}me/set: has several configurations. Name one as config:"
        " c00, c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11 and 2 more."
    )


def test_a_gated_data_set_asks_for_a_token(hub: type[Hub]) -> None:
    hub.sets["me/set"]["main"].files = named("train.parquet")
    hub.gated.add("me/set")
    assert str(refused()).endswith("is gated. Accept its terms on its page, and set HF_TOKEN.")


def test_a_hub_that_is_down_or_not_there(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    hub.down = True
    error = refused()
    assert isinstance(error, ServiceUnavailable)
    assert str(error) == (
        f"{WHERE}me/set: there is no folder me/set here, and the hub answered 503. Try again later."
    )
    assert hub.asked.count("/api/datasets/me/set") == 3
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    error = refused()
    assert isinstance(error, ServiceUnavailable)
    assert str(error).startswith(
        f"{WHERE}me/set: there is no folder me/set here, and the hub does not answer: "
    )
    assert str(error).endswith(". Mend the name of the folder, or see to the network.")


def test_offline_is_said(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert str(refused()) == (
        f"{WHERE}me/set: there is no folder me/set here, and HF_HUB_OFFLINE keeps it from the hub."
        " Mend the name of the folder, or unset HF_HUB_OFFLINE."
    )
    assert hub.asked == []


def test_the_same_split_twice_is_refused(hub: type[Hub]) -> None:
    hub.sets["me/set"]["main"].files = named("train.parquet")
    twice = params(
        DatasetParams(dataset="me/set"), DatasetParams(dataset="me/set", config="default")
    )
    with pytest.raises(BadParameter, match="names me/set/default/train twice"):
        check_datasets(twice)
    with pytest.raises(BadParameter, match="names no data set"):
        check_datasets(params())


def test_a_folder_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    assert "stands outside corpus, so that a change" in str(refused(dataset="elsewhere"))
    (tmp_path / "corpus/empty").mkdir()
    assert "has no Parquet files" in str(refused(dataset="corpus/empty"))
    assert "has no revisions" in str(refused(dataset="corpus/empty", revision="v1"))
    (tmp_path / "corpus/empty/README.md").write_text("---\n[\n---\n")
    assert str(refused(dataset="corpus/empty")) == (
        "corpus/empty/README.md: its metadata is not YAML. Mend it."
    )


def test_rows_that_cannot_be_used_are_counted(hub: type[Hub]) -> None:
    bad = pa.array([b"good", b"b\xffd", b"x" * 2000, b"\xef\xbf\xbd"]).view(pa.string())
    rows = pa.concat_arrays([bad, pa.array(["fine"] * 96)])
    hub.sets["me/set"]["main"].files = {"train.parquet": table(text=rows)}
    choice, left_out = DatasetParams(dataset="me/set"), LeftOut()
    found = list(huggingface(params(choice, max_document_bytes=1000), left_out))
    assert len(found) == 98
    assert left_out.named == [
        "hf://datasets/me/set/train.parquet:2: is not in UTF-8",
        "hf://datasets/me/set/train.parquet:3: longer than 1,000 bytes"
        " (ingest.folder.max_document_bytes)",
        "me/set/default/train:4: damaged characters",
    ]
    few = params(choice, max_document_bytes=1000, max_broken_share=0.01)
    with pytest.raises(BadInput, match="2 of 100 records are broken, more than the 1%"):
        list(huggingface(few, LeftOut()))


def test_a_later_file_of_other_columns_is_named(hub: type[Hub]) -> None:
    hub.sets["me/set"]["main"].files = {
        "data/train-00000-of-00002.parquet": table(text=["a"]),
        "data/train-00001-of-00002.parquet": table(words=["a"]),
    }
    with pytest.raises(BadInput, match=r"train-00001-of-00002.parquet: has no column named"):
        read()


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        (5, "configs is 5"),
        ([5], "configs is [5]"),
        ([{"config_name": "d", "data_files": 5}], "data_files names 5"),
        ([{"config_name": "d", "data_files": "data/train**.parquet"}], "data_files names "),
        ([{"config_name": "d", "data_files": [{"split": "train", "path": None}]}], "names None"),
    ],
)
def test_a_card_that_cannot_be_understood_is_named(hub: type[Hub], configs: Any, said: str) -> None:
    files = {"data/train.parquet": table(text=["x"])}
    hub.sets["me/set"]["main"] = Commit(MAIN, files, {"configs": configs})
    error = refused()
    assert isinstance(error, BadInput) and said in str(error)
    assert str(error).startswith("ingest.huggingface, me/set, README.md: cannot be understood: ")


def test_a_path_with_two_slashes_is_passed_over(hub: type[Hub]) -> None:
    files = {"data//a.parquet": b"", "data/train.parquet": table(text=["A text."])}
    hub.sets["me/set"]["main"] = Commit(MAIN, files)
    assert texts() == ["A text."]
