"""A corpus small enough to train on in a test, with its tokenizer and rows."""

from pathlib import Path
from pydoc_data.topics import topics

import pytest

from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.pack import pack
from tasks.params import PackParams, TokenizerParams
from tasks.tokenizer import train_tokenizer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tiny_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``clean``, ``dialogues``, ``tokenizer`` and ``tokens`` (rows of 64) of 40 short documents."""
    folder = tmp_path_factory.mktemp("line")
    names = sorted(topics)
    for split, some in (("train", names[:40]), ("validation", names[40:45]), ("test", [])):
        documents = [
            Document(
                id=f"folder/{name}",
                source="folder",
                title=name,
                text=f"{name}\n\nWhat stands in the reference. {topics[name][:400]}",
                lang="en",
            )
            for name in some
        ]
        write_documents(documents, folder / "clean" / split)
    said = [("Do you like cake?", "Cake is fine."), ("hello", "Leave me alone.")]
    write_dialogues(
        [
            Dialogue(
                id=f"dialogues/en/{number}",
                source="dialogues",
                lang="en",
                category="food",
                messages=[
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": answer},
                ],
            )
            for number, (question, answer) in enumerate(said)
        ],
        folder / "dialogues",
    )
    train_tokenizer(
        folder / "clean",
        folder / "dialogues",
        folder / "tokenizer",
        TokenizerParams(vocab_size=400),
    )
    pack(folder / "clean", folder / "tokenizer", folder / "tokens", PackParams(context_length=64))
    return folder


@pytest.fixture
def params_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with params.yaml and what it names."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "tests" / "data").mkdir(parents=True)
    (tmp_path / "tests" / "data" / "questions.jsonl").touch()
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
