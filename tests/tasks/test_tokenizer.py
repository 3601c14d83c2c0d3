"""The tokenizer stage: what it learns, what it keeps whole, what it cannot do."""

import hashlib
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from chatwright.errors import CorpusTooSmall
from model.tokenizer import ChatTokenizer
from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.params import TokenizerParams
from tasks.tokenizer import TokenizerReport, train_tokenizer

# Python's language reference, which every installation has: real text.
TEXTS = ["Return the path.\n"] + [topics[name][:500] for name in sorted(topics)[:40]]


def corpus(folder: Path, texts: list[str], held_out: str = "") -> tuple[Path, Path]:
    for split, some in (("train", texts), ("test", [held_out] if held_out else [])):
        write_documents(
            [
                Document(id=f"folder/{n:03d}", source="folder", title=f"{n}", text=text, lang="en")
                for n, text in enumerate(some)
            ],
            folder / "clean" / split,
        )
    said = [{"role": "user", "content": "你好" * 30}, {"role": "assistant", "content": "你好"}]
    dialogues = [Dialogue(id="dialogues/zh/0", source="d", lang="zh", category="c", messages=said)]
    write_dialogues(dialogues, folder / "dialogues")
    return folder / "clean", folder / "dialogues"


def trained(
    folder: Path, texts: list[str] = TEXTS, vocab_size: int = 320, held_out: str = ""
) -> tuple[TokenizerReport, ChatTokenizer]:
    report = train_tokenizer(
        *corpus(folder, texts, held_out),
        folder / "tokenizer",
        TokenizerParams(vocab_size=vocab_size),
    )
    return report, ChatTokenizer.load(folder / "tokenizer")


def test_the_vocabulary_has_the_size_asked_for_and_the_special_tokens_first(tmp_path: Path) -> None:
    report, tokenizer = trained(tmp_path)
    assert report.vocab_size == tokenizer.vocab_size == 320
    assert tokenizer.end_of_text_id == 0 and tokenizer.end_of_turn_id == 2


@pytest.mark.parametrize(
    "text", ["Copy data", "ÀÉ\u0000\r\n\t 你好 🐍", "  indented:\n\n    x  ", ""]
)
def test_any_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    _, tokenizer = trained(tmp_path)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_corpus_with_less_to_learn_gives_a_smaller_vocabulary_not_an_error(
    tmp_path: Path,
) -> None:
    report, tokenizer = trained(tmp_path, vocab_size=50_000)
    assert 303 < report.vocab_size < 50_000
    assert report.wanted_vocab_size == 50_000 and tokenizer.vocab_size == report.vocab_size


def test_next_to_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusTooSmall, match="merges where 44 are the least. Put more text"):
        trained(tmp_path, texts=["ab"])


def test_digits_stand_alone_and_words_do_not_join_punctuation(tmp_path: Path) -> None:
    _, tokenizer = trained(tmp_path, texts=["2024, 2024, dst) dst)\n"] * 50 + TEXTS, vocab_size=340)
    pieces = [tokenizer.decode([token]) for token in tokenizer.encode("2024 dst)")]
    assert pieces[:4] == ["2", "0", "2", "4"]
    assert pieces[-1] == ")" and pieces[-2].endswith("dst")


def test_common_words_become_one_token_and_the_report_tells_bytes_per_token(tmp_path: Path) -> None:
    report, tokenizer = trained(tmp_path, vocab_size=600)
    assert len(tokenizer.encode(" the")) == 1
    length = sum(len(text.encode()) for text in TEXTS)
    tokens = sum(len(tokenizer.encode(text)) for text in TEXTS)
    assert report.bytes_per_token["en"] == pytest.approx(length / tokens, abs=0.001)
    # The dialogues were read: what is said 31 times, six bytes each, became fewer tokens.
    assert report.bytes_per_token["zh"] > 2


def test_held_out_text_is_not_read(tmp_path: Path) -> None:
    def digest(folder: Path, held_out: str) -> str:
        trained(folder, held_out=held_out)
        return hashlib.sha256((folder / "tokenizer" / "tokenizer.json").read_bytes()).hexdigest()

    assert digest(tmp_path / "a", "") == digest(tmp_path / "b", "zyzzyva " * 1000)


def test_a_conversation_is_marked_up_by_the_folders_own_template(tmp_path: Path) -> None:
    _, tokenizer = trained(tmp_path)
    ids = tokenizer.chat_ids([{"role": "user", "content": "src"}])
    assert ids[0] == 1 and ids.count(2) == 1 and ids.count(1) == 2
