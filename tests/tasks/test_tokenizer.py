"""The tokenizer stage: what it learns, what it keeps whole, what it cannot do."""

import hashlib
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from chatwright.errors import CorpusTooSmall
from model.token_bytes import token_bytes
from model.tokenizer import ChatTokenizer, read_tokenizer
from tasks import vocabulary
from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.params import TokenizerParams
from tasks.tokenizer import train_tokenizer
from tasks.tokenizer_report import TokenizerReport
from tasks.vocabulary import balanced, weights

# Python's language reference, which every installation has: real text.
TEXTS = ["Return the path.\n"] + [topics[name][:500] for name in sorted(topics)[:40]]


def corpus(folder: Path, texts: list[str], held_out: str = "") -> tuple[Path, Path]:
    held_out_texts = [held_out] if held_out else []
    for split, some in (("train", texts), ("validation", held_out_texts), ("test", held_out_texts)):
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
    folder: Path, texts: list[str] = TEXTS, vocab_size: int | None = 320, held_out: str = ""
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


def test_held_out_text_is_not_learnt_from(tmp_path: Path) -> None:
    def digest(folder: Path, held_out: str) -> str:
        trained(folder, held_out=held_out)
        return hashlib.sha256((folder / "tokenizer" / "tokenizer.json").read_bytes()).hexdigest()

    assert digest(tmp_path / "a", "") == digest(tmp_path / "b", "zyzzyva " * 1000)


def test_a_conversation_is_marked_up_by_the_folders_own_template(tmp_path: Path) -> None:
    _, tokenizer = trained(tmp_path)
    ids = tokenizer.chat_ids([{"role": "user", "content": "src"}])
    assert ids[0] == 1 and ids.count(2) == 1 and ids.count(1) == 2


def test_no_text_is_without_a_token_and_the_pieces_are_those_of_the_pattern(tmp_path: Path) -> None:
    report, tokenizer = trained(tmp_path)
    assert report.unknown_tokens == 0
    # By construction: each of the 256 bytes is a token.
    found = token_bytes(read_tokenizer(tmp_path / "tokenizer"))
    assert {token for token in found.values() if len(token) == 1} == {
        bytes([byte]) for byte in range(256)
    }
    text = "Zwölf Boxkämpfer <|im_end|> 你好\r\n"
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_report_names_what_is_never_used_and_what_is_longest(tmp_path: Path) -> None:
    # "abc" and "abcabc" are made on the way to the whole word, and stand nowhere else.
    report, tokenizer = trained(
        tmp_path, texts=["abcabcabcabc"] * 150 + TEXTS, vocab_size=330, held_out="zzz"
    )
    learnt = [*["abcabcabcabc"] * 150, *TEXTS, "你好" * 30, "你好"]
    used = {token for text in learnt for token in tokenizer.encode(text)}
    glitches = [token for token in range(4 + 256, 330) if token not in used]
    assert report.glitch_tokens == len(glitches) > 0
    assert [each.id for each in report.glitch_token_samples] == glitches[:10]
    assert {"abc", "abcabc"} <= {each.token for each in report.glitch_token_samples}
    assert report.longest_tokens[0].token == "abcabcabcabc"
    assert (report.longest_tokens[0].bytes, report.longest_tokens[0].times) == (12, 150)
    alone = {token for token in used if token < 4 + 256}
    assert report.unused_bytes == 256 - len(alone)
    frequent = sum(
        sum(tokenizer.encode(text).count(token) for text in learnt) >= 100
        for token in range(260, 330)
    )
    assert report.frequent_share == pytest.approx(frequent / 70, abs=1e-4)


def test_bytes_a_token_are_told_of_held_out_documents_and_dialogues(tmp_path: Path) -> None:
    report, tokenizer = trained(tmp_path, held_out="Return the path, twice.")
    tokens = len(tokenizer.encode("Return the path, twice."))
    assert report.validation_bytes_per_token == {"en": round(23 / tokens, 3)}
    said = sum(len(tokenizer.encode(text)) for text in ("你好" * 30, "你好"))
    assert report.dialogues_bytes_per_token == {"zh": round(186 / said, 3)}
    line = report.line()
    assert f"held-out documents: en {23 / tokens:.2f}; " in line and "0 unknown" in line


def test_languages_count_by_their_share_to_the_power_asked_for() -> None:
    # 900 bytes and 100: at 0.5 the shares are 3 to 1, so that the smaller counts three times.
    texts = {"en": ["a" * 9] * 100, "xx": ["b"] * 100}
    assert weights(texts, 1) == pytest.approx({"en": 1, "xx": 1})
    assert weights(texts, 0.5) == pytest.approx({"en": 1, "xx": 3})
    assert weights(texts, 0) == pytest.approx({"en": 1, "xx": 9})
    assert Counter(balanced(texts, 0.5)) == {"a" * 9: 100, "b": 300}
    assert list(balanced(texts, 1)) == texts["en"] + texts["xx"]


def test_beyond_what_may_be_repeated_the_larger_language_is_thinned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vocabulary, "MOST_REPEATED_BYTES", 1000)
    texts = {"en": [f"{n:09d}" for n in range(1000)], "xx": [f"{n:03d}" for n in range(334)]}
    read = Counter(len(text) for text in balanced(texts, 0))
    # 9,000 and 1,002 bytes become 5,001 each: 5 of 9 texts, and each of the others 4.99 times.
    assert read[9] == pytest.approx(556, abs=50)
    assert read[3] == pytest.approx(1667, abs=30)
    assert list(balanced(texts, 0)) == list(balanced(texts, 0))


def test_a_balanced_vocabulary_has_more_of_the_smaller_language(tmp_path: Path) -> None:
    def made(exponent: float) -> TokenizerReport:
        folder = tmp_path / str(exponent)
        return train_tokenizer(
            *corpus(folder, TEXTS, ""),
            folder / "tokenizer",
            TokenizerParams(vocab_size=320, language_exponent=exponent),
        )

    as_it_is, alike = made(1.0), made(0.0)
    assert alike.bytes_per_token["zh"] > as_it_is.bytes_per_token["zh"]
    assert alike.bytes_per_token["en"] < as_it_is.bytes_per_token["en"]


def test_the_corpus_chooses_a_vocabulary_that_has_examples(tmp_path: Path) -> None:
    texts = [topics[name] for name in sorted(topics)[:30]]
    report, tokenizer = trained(tmp_path / "chosen", texts, vocab_size=None)
    assert report.wanted_vocab_size is None and report.vocab_size % 64 == 0
    assert report.frequent_share >= 0.95
    same, _ = trained(tmp_path / "same", texts, vocab_size=report.vocab_size)
    files = [tmp_path / name / "tokenizer" / "tokenizer.json" for name in ("chosen", "same")]
    assert files[0].read_bytes() == files[1].read_bytes()
    # The largest, to within one multiple: much more would not have the examples.
    more, _ = trained(tmp_path / "more", texts, vocab_size=report.vocab_size + 2 * 64)
    assert more.frequent_share < 0.95


def test_a_corpus_too_small_to_choose_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusTooSmall, match="merges where 44 are the least. Put more text"):
        trained(tmp_path, texts=["ab"], vocab_size=None)
