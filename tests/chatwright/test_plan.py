"""``chatwright plan``: what training takes is said, and nothing on disk is another."""

import hashlib
import shutil
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from chatwright.commands.plan import plan
from model import devices
from tasks import trial
from tests.chatwright.command import ROOT, chatwright

QUICK = [
    "model.hidden_size=32",
    "model.num_heads=2",
    "model.num_layers=2",
    "pack.context_length=64",
    "tokenizer.vocab_size=400",
    "pretrain.batch_size=4",
    "pretrain.tokens=25_600",
    "finetune.tokens=2_560",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which nothing has been built; also the current folder."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("*.md", "im*"))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "tests" / "data").mkdir(parents=True)
    (tmp_path / "tests" / "data" / "questions.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trial, "SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """The hash of each file, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(printed: str) -> dict[str, list[str]]:
    """The cells of the table, by the first of each row."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def test_it_says_what_both_trainings_take_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(folder)
    plan(None, QUICK)
    assert contents(folder) == before
    printed = capsys.readouterr().out
    rows = rows_of(printed)
    # 2 layers: 32 x (32 + 16 + 16 + 32) + 3 x 32 x 128, norms of 2 x 32 + 2 x 16; 400 embeddings
    # of 32 and a norm: 43,744. All but the norms are multiplied: 43,520.
    assert rows["parameters"] == ["43.7 k", "43.7 k"]
    assert rows["tokens"] == ["25.6 k", "2.56 k"]
    # (6 x 43,520 + 12 x 2 layers x 32 x 64 / 2) x 25,600 tokens.
    assert rows["FLOP"] == ["7.31 G", "731 M"]
    assert rows["time"][0].endswith(" s") and float(rows["bits per byte"][0]) > 1
    assert "100 steps of 4 rows" in printed
    assert "steps were taken on random tokens" in printed


def test_with_a_corpus_it_says_how_often_that_is_seen(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    from tasks.documents import Dialogue, Document, write_dialogues, write_documents
    from tasks.pack import pack
    from tasks.params import PackParams, TokenizerParams
    from tasks.tokenizer import train_tokenizer

    names = sorted(topics)
    for split, some in (("train", names[:30]), ("validation", names[30:35]), ("test", [])):
        documents = [
            Document(id=name, source="folder", title=name, text=topics[name][:400], lang="en")
            for name in some
        ]
        write_documents(documents, folder / "data" / "clean" / split)
    said = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hello"}]
    talk = Dialogue(id="d", source="dialogues", lang="en", category="greeting", messages=said)
    write_dialogues([talk], folder / "data" / "dialogues")
    tokenizer = folder / "artifacts" / "tokenizer"
    tokenizer.parent.mkdir()
    train_tokenizer(
        folder / "data/clean", folder / "data/dialogues", tokenizer, TokenizerParams(vocab_size=400)
    )
    pack(folder / "data/clean", tokenizer, folder / "data/tokens", PackParams(context_length=64))
    text = (folder / "params.yaml").read_text("utf-8")
    text = text.replace("vocab_size: 4096", "vocab_size: 400")
    text = text.replace("context_length: 256", "context_length: 64")
    (folder / "params.yaml").write_text(text, "utf-8")
    plan(None, QUICK)
    printed = capsys.readouterr().out
    assert "The corpus is seen " in printed and "random tokens" not in printed
    # Another vocabulary makes other rows: what is there says nothing about them.
    plan(None, [*QUICK, "tokenizer.vocab_size=500"])
    assert "random tokens" in capsys.readouterr().out


def test_without_the_runs_that_the_law_is_fitted_to_it_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "docs" / "scaling.csv").unlink()
    plan(None, QUICK)
    printed = capsys.readouterr().out
    assert rows_of(printed)["bits per byte"] == ["", ""]
    assert "there is no docs/scaling.csv to say them from" in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "model.num_heads=3"], "model.num_heads: a width of 256 cannot be cut into 3 equal heads"),
        (["--set", "pretrain.tokns=5"], "Did you mean pretrain.tokens?"),
        (["--preset", "labtop"], "--preset labtop: there is no presets/labtop.yaml."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_sentence(
    folder: Path, arguments: list[str], sentence: str
) -> None:
    done = chatwright(folder, "plan", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_of_several_processes_it_tries_the_share_of_one(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "cores", lambda: 2)
    tried: list[int] = []
    real = trial.train

    def seen(model: object, options: object, *rest: object, **choices: object) -> object:
        tried.append(options.batch_size)  # type: ignore[attr-defined]
        return real(model, options, *rest, **choices)  # type: ignore[arg-type]

    monkeypatch.setattr(trial, "train", seen)
    plan(None, [*QUICK, "pretrain.devices=2", "pretrain.strategy=fsdp"])
    printed = capsys.readouterr().out
    assert "are of one of 2 processes" in printed and "100 steps of 4 rows" in printed
    assert tried[0] == 2
