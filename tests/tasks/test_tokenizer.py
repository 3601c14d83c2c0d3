"""The tokenizer stage: what it learns, what it keeps whole, what it cannot do."""

import hashlib
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from chatwright.errors import CorpusTooSmall
from model import word_encoder
from model.token_bytes import token_bytes
from model.tokenizer import ChatTokenizer, read_tokenizer
from model.word_pieces import pieces_of
from tasks import training_texts, vocabulary
from tasks.documents import (
    Dialogue,
    Document,
    read_dialogues,
    write_dialogues,
    write_documents,
)
from tasks.params import TokenizerParams
from tasks.tokenizer import train_tokenizer
from tasks.tokenizer_report import TokenizerReport
from tasks.training_texts import TrainingTexts
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


SECTIONS = {f"folder/{name}": topics[name] for name in sorted(topics) if len(topics[name]) < 50_000}
SECTIONS_BYTES = sum(len(text.encode()) for text in SECTIONS.values())


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of Python's language reference, for training and again as held out; 40 dialogues."""
    folder = tmp_path_factory.mktemp("sections")
    for split in ("train", "validation"):
        documents = (Document(id, "folder", "T", text, "en") for id, text in SECTIONS.items())
        write_documents(documents, folder / "clean" / split)
    said = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好，你好"}]
    write_dialogues(
        [Dialogue(f"dialogues/zh/{n}", "d", "zh", "c", said) for n in range(40)],
        folder / "dialogues",
    )
    return folder


def of_sections(folder: Path, out: Path, training_bytes: int | None) -> TokenizerReport:
    params = TokenizerParams(vocab_size=600, training_bytes=training_bytes)
    return train_tokenizer(folder / "clean", folder / "dialogues", out, params)


def is_in(id: str, share: float) -> bool:
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big") / 2**64 < share


def test_of_a_large_corpus_a_share_is_learnt_that_the_ids_decide(
    sections: Path, tmp_path: Path
) -> None:
    whole = SECTIONS_BYTES + 40 * 21  # 2 and 5 characters of 3 bytes
    assert whole > 300_000
    report = of_sections(sections, tmp_path / "a", 200_000)
    share = 200_000 / whole
    texts = [text for id, text in SECTIONS.items() if is_in(id, share)]
    talks = sum(is_in(f"dialogues/zh/{n}", share) for n in range(40))
    assert 0 < len(texts) < len(SECTIONS) and 0 < talks < 40
    taken = sum(len(text.encode()) for text in texts)
    assert (report.documents, report.training_bytes) == (len(texts) + 2 * talks, taken + 21 * talks)
    assert report.training_share == round((taken + 21 * talks) / whole, 4)
    assert f"; of {report.training_share:.1%} of the text" in report.line()
    # Held out is the same text here, and so the same share of it.
    assert report.validation_bytes_per_token == {"en": report.bytes_per_token["en"]}
    # It is what those texts alone would have given.
    write_documents(
        (Document(id, "folder", "T", SECTIONS[id], "en") for id in SECTIONS if is_in(id, share)),
        tmp_path / "clean" / "train",
    )
    write_documents([], tmp_path / "clean" / "validation")
    write_dialogues(
        (each for each in read_dialogues(sections / "dialogues") if is_in(each.id, share)),
        tmp_path / "dialogues",
    )
    alone = of_sections(tmp_path, tmp_path / "b", None)
    assert alone.training_share == 1
    files = [tmp_path / name / "tokenizer.json" for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_up_to_the_size_asked_for_all_is_learnt_and_so_it_is_without_one(
    sections: Path, tmp_path: Path
) -> None:
    reports = [of_sections(sections, tmp_path / str(most), most) for most in (10**8, None)]
    assert reports[0] == reports[1]
    assert (reports[0].documents, reports[0].training_share) == (len(SECTIONS) + 80, 1)
    assert "of the text" not in reports[0].line()
    files = [tmp_path / name / "tokenizer.json" for name in (str(10**8), "None")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_text_of_many_different_pieces_is_learnt_from_as_far_as_they_fit(
    sections: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_texts, "PIECES_BYTES", 30_000)

    def read(most: int | None) -> TrainingTexts:
        return training_texts.training_texts(sections / "clean", sections / "dialogues", most)

    def pieces_bytes(texts: list[str]) -> int:
        pieces = {piece for text in texts for piece in pieces_of(text)}
        return sum(len(piece.encode()) for piece in pieces)

    def below(share: float) -> list[str]:
        return [text for id, text in SECTIONS.items() if is_in(id, share)]

    of_turns = len("你好，你好".encode())  # "你好" and "，你好"
    some = read(10**8)
    assert pieces_bytes(below(1)) > 40_000
    # As much as fits: with the step before, a quarter more text, the pieces would not.
    shares = (0.8**step for step in range(30))
    fitting = next(share for share in shares if pieces_bytes(below(share)) + of_turns <= 30_000)
    assert list(some.documents["en"]) == list(some.held_out["en"]) == below(fitting)
    # Who asks for more text or for all is given more of them.
    for most in (2 * 10**8, None):
        assert list(read(most).documents["en"]) == below(1)


def test_of_long_documents_excerpts_are_taken(tmp_path: Path) -> None:
    lines = [f"{book}, line {n}: {10_007 * n % 99_991}\n" for book in "abc" for n in range(40_000)]
    books = {"b/" + book: "".join(x for x in lines if x.startswith(book)) for book in "abc"}
    whole = sum(map(len, books.values()))
    assert min(map(len, books.values())) > 16 * 50_000
    clean, dialogues = corpus(tmp_path, [])
    write_documents(
        (Document(id, "b", "T", text, "en") for id, text in books.items()), clean / "train"
    )

    def read(most: int) -> list[str]:
        found = training_texts.training_texts(clean, dialogues, most)
        assert found.share == pytest.approx(most / whole, rel=0.5)
        return list(found.documents["en"])

    half = read(whole // 2)
    assert len(half) == 3, "some of each"
    for text, book in zip(half, books.values(), strict=True):
        assert len(text) < len(book)
        torn = {*text.splitlines()} - {*book.splitlines()}  # at the ends of excerpts
        assert len(torn) <= 2 * (len(book) // 50_000 + 1)
    assert read(whole + 10_000) == list(books.values())


def test_a_long_text_is_learnt_as_if_it_were_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["".join(TEXTS) + "\n 你好\n\n\t!\r\n"]
    trained(tmp_path / "whole", texts, vocab_size=500)
    monkeypatch.setattr(word_encoder, "PART_CHARACTERS", 10)
    trained(tmp_path / "parts", texts, vocab_size=500)
    files = [tmp_path / name / "tokenizer" / "tokenizer.json" for name in ("whole", "parts")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_share_with_next_to_no_text_in_it_says_what_to_raise(tmp_path: Path) -> None:
    clean, dialogues = corpus(tmp_path, ["ab " * 100_000])
    params = TokenizerParams(vocab_size=320, training_bytes=100_000)
    with pytest.raises(CorpusTooSmall, match=r"corpus/, or raise tokenizer\.training_bytes"):
        train_tokenizer(clean, dialogues, tmp_path / "tokenizer", params)
