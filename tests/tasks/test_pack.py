"""The pack stage: documents in rows, and where their borders are."""

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatwright.errors import BadInput, CorpusTooSmall, MissingInput, WorkerDied
from model.rows import Rows
from model.tokenizer import ChatTokenizer
from tasks import encoding
from tasks import pack as packing
from tasks.corpus_folder import here
from tasks.documents import Document, write_dialogues, write_documents
from tasks.encoding import encoded
from tasks.pack import PackReport, pack, put_aside, texts_in_order, write_packed
from tasks.params import PackParams, TokenizerParams
from tasks.params_executor import ExecutorParams
from tasks.texts_aside import TextsAside
from tasks.tokenizer import train_tokenizer

ROOT = Path(__file__).resolve().parents[2]
TWO = ExecutorParams(workers=2)
# Python's language reference, which every installation has: real text.
TEXTS = [topics[name][:200] for name in sorted(topics)[:60]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean corpus of 60 short documents and its tokenizer."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, texts in (("train", TEXTS), ("validation", TEXTS[:2]), ("test", [])):
        documents = [
            Document(id=f"folder/{n:03d}", source="folder", title=f"{n}", text=text, lang="en")
            for n, text in enumerate(texts)
        ]
        write_documents(documents, folder / "clean" / split)
    write_dialogues([], folder / "dialogues")
    train_tokenizer(
        folder / "clean",
        folder / "dialogues",
        folder / "tokenizer",
        TokenizerParams(vocab_size=310),
    )
    return folder


def packed(
    corpus: Path, out: Path, context_length: int, by: ExecutorParams | None = None
) -> PackReport:
    return pack(
        corpus / "clean",
        corpus / "tokenizer",
        out,
        PackParams(context_length=context_length),
        executor=by or ExecutorParams(workers=1),
    )


def documents_of(path: Path, filler: int | None = None) -> list[list[int]]:
    """The pieces that a file of rows holds, cut where positions restart; filling left out."""
    rows = Rows(path).take(range(len(Rows(path))))
    pieces: list[list[int]] = []
    for ids, positions in zip(
        rows["input_ids"].tolist(), rows["position_ids"].tolist(), strict=True
    ):
        for token, position in zip(ids, positions, strict=True):
            if position == 0:
                pieces.append([])
            pieces[-1].append(token)
    return [piece for piece in pieces if piece != [filler]]


def test_every_document_stands_once_between_two_ends_of_text(corpus: Path, tmp_path: Path) -> None:
    report = packed(corpus, tmp_path, 256)
    tokenizer = ChatTokenizer.load(corpus / "tokenizer")
    expected = sorted([0, *tokenizer.encode(text), 0] for text in TEXTS)
    assert sorted(documents_of(tmp_path / "train.arrow", filler=0)) == expected
    assert report.train.documents == 60
    assert report.train.tokens == sum(map(len, expected))
    assert report.train.fill == pytest.approx(
        report.train.tokens / (report.train.rows * 256), abs=1e-4
    )


def test_a_document_longer_than_a_row_is_cut_not_lost(corpus: Path, tmp_path: Path) -> None:
    packed(corpus, tmp_path, 16)
    tokenizer = ChatTokenizer.load(corpus / "tokenizer")
    tokens = sorted(token for text in TEXTS for token in [0, *tokenizer.encode(text), 0])
    rows = Rows(tmp_path / "train.arrow").take(range(len(Rows(tmp_path / "train.arrow"))))
    ids, positions = rows["input_ids"].flatten(), rows["position_ids"].flatten()
    # Filling is id 0 at position 0, one after the other; so is a document's start: count by ids.
    assert sorted(t for t in ids.tolist() if t) == [t for t in tokens if t]
    assert positions.max() == 15


def test_splits_stay_apart_and_an_empty_one_has_no_rows(corpus: Path, tmp_path: Path) -> None:
    report = packed(corpus, tmp_path, 64)
    assert report.validation.documents == 2 and report.test.rows == 0
    assert len(Rows(tmp_path / "test.arrow")) == 0
    assert Rows(tmp_path / "test.arrow").context_length == 64


def test_a_corpus_smaller_than_a_row_says_how_many_tokens_are_missing(
    corpus: Path, tmp_path: Path
) -> None:
    have = packed(corpus, tmp_path / "a", 64).train.tokens
    with pytest.raises(CorpusTooSmall, match=f"{20_000 - have:,} are missing"):
        packed(corpus, tmp_path / "b", 20_000)


def test_the_same_corpus_gives_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        packed(corpus, tmp_path / name, 64)
    for split in ("train", "validation", "test"):
        one, other = (tmp_path / name / f"{split}.arrow" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()


def test_a_corpus_that_processes_share_gives_the_same_bytes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed(corpus, tmp_path / "a", 64)
    monkeypatch.setattr(encoding, "SMALL_BYTES", 1)
    monkeypatch.setattr(packing, "BATCH_BYTES", 1000)
    packed(corpus, tmp_path / "b", 64, TWO)
    for split in ("train", "validation", "test"):
        one, other = (tmp_path / name / f"{split}.arrow" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()


def test_documents_come_in_the_order_of_the_hashes_of_their_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "BATCH_BYTES", 1_000)
    texts = {f"folder/{n:03d}": text for n, text in enumerate(["", *TEXTS, "你好 🙂"])}
    write_documents(
        (Document(name, "folder", "T", text, "en") for name, text in texts.items()),
        tmp_path / "train",
        shard_rows=25,
    )
    with TextsAside(tmp_path, len(texts)) as aside:
        batches = list(texts_in_order(aside, put_aside(here(tmp_path / "train"), aside)))
    names = sorted(texts, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert [text for some in batches for text in some] == [texts[name] for name in names]
    assert max(sum(len(text.encode()) for text in some) for some in batches) < 1_200


def test_the_texts_of_a_corpus_are_not_in_memory(tmp_path: Path) -> None:
    """Memory is counted where it is asked for, by Python and numpy and by Arrow."""

    def most(megabytes: int) -> int:
        folder = tmp_path / str(megabytes)
        texts = (f"{n} {TEXTS[n % 60]}\n" * 95 for n in range(50 * megabytes))
        write_documents(
            (Document(f"folder/{n:05d}", "folder", "T", t, "en") for n, t in enumerate(texts)),
            folder,
        )
        pool, before = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
        pa.set_memory_pool(pool)
        tracemalloc.start()
        try:
            with TextsAside(tmp_path, 50 * megabytes) as aside:
                read = texts_in_order(aside, put_aside(here(folder), aside))
                assert sum(len(text) for some in read for text in some) > megabytes * 900_000
            return int(pool.max_memory()) + tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(before)

    small = most(40)
    assert most(120) < small + 4 * 2**20, "of 80 MB more text"


def test_nothing_but_the_rows_is_left_in_the_folder(corpus: Path, tmp_path: Path) -> None:
    packed(corpus, tmp_path, 64)
    expected = ["test.arrow", "train.arrow", "validation.arrow"]
    assert sorted(path.name for path in tmp_path.iterdir()) == expected


def test_a_split_that_is_not_there_or_damaged_is_named(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "clean", tmp_path / "clean")
    shutil.copytree(corpus / "tokenizer", tmp_path / "tokenizer")
    damaged = tmp_path / "clean" / "validation" / "part-00000.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"validation/part-00000\.parquet: cannot be read"):
        packed(tmp_path, tmp_path / "out", 64)
    shutil.rmtree(tmp_path / "clean" / "validation")
    with pytest.raises(MissingInput, match="clean/validation: there is no Parquet file"):
        packed(tmp_path, tmp_path / "out", 64)


def test_a_disk_that_the_texts_fill_is_said_in_one_sentence(
    corpus: Path, tmp_path: Path, small_disk: Callable[[Path, str], None]
) -> None:
    (tmp_path / "data").mkdir()
    small_disk(tmp_path / "data", "512k")
    for split in ("train", "validation", "test"):
        # On the disk a few kilobytes, unpacked 2 MB.
        write_documents(
            [Document("folder/a", "folder", "T", TEXTS[0] * 10_000, "en")],
            tmp_path / "data" / "clean" / split,
        )
    shutil.copytree(corpus / "tokenizer", tmp_path / "artifacts" / "tokenizer")
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "tasks.pack"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "the disk is full, so nothing was written" in done.stderr
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["clean"]


def test_a_killed_process_is_a_sentence(corpus: Path) -> None:
    def batches() -> Iterator[list[str]]:
        for _ in range(20):
            yield TEXTS
            for process in multiprocessing.active_children():
                process.kill()

    folder = corpus / "tokenizer"
    ids = encoded(batches(), folder, ChatTokenizer.load(folder), TWO, size=10**9)
    with pytest.raises(WorkerDied, match="a worker process was killed"):
        list(ids)


@settings(max_examples=40, deadline=None)
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_rows_are_filled_first_fit(
    lengths: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.arrow"
    write_packed(path, (([n + 1] * length, None) for n, length in enumerate(lengths)), 12, 0)
    # First-fit as a textbook has it: the first row with room, else a new one.
    free: list[int] = []
    expected: list[list[int]] = []
    for number, length in enumerate(lengths):
        row = next((row for row, room in enumerate(free) if room >= length), len(free))
        if row == len(free):
            free.append(12)
            expected.append([])
        free[row] -= length
        expected[row] += [number + 1] * length
    rows = Rows(path).take(range(len(Rows(path))))["input_ids"].tolist()
    assert [[token for token in row if token] for row in rows] == expected


def test_more_rows_than_are_open_at_once_are_written_in_several_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "OPEN_TOKENS", 50)
    texts = [([n + 1] * 10, None) for n in range(11)]
    report = write_packed(tmp_path / "rows.arrow", texts, 12, 0)
    assert report.rows == 11
    ids = Rows(tmp_path / "rows.arrow").take(range(11))["input_ids"][:, 0]
    assert ids.tolist() == list(range(1, 12))


def test_marks_of_a_chat_stand_beside_their_tokens(tmp_path: Path) -> None:
    texts = [([5, 6, 7], [False, True, True]), ([8, 9], [True, False])]
    write_packed(tmp_path / "rows.arrow", texts, 6, 0)
    row = Rows(tmp_path / "rows.arrow").take([0])
    assert row["input_ids"][0].tolist() == [5, 6, 7, 8, 9, 0]
    assert row["position_ids"][0].tolist() == [0, 1, 2, 0, 1, 0]
    assert row["is_answer"][0].tolist() == [0, 1, 1, 1, 0, 0]
    assert row["is_answer"].numpy().dtype == np.int32
