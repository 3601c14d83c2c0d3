"""The assistant: which way a message goes, what comes back in pieces, what fits the context.

The model is a real one with random weights, so what it writes is nonsense, but how it is prompted,
streamed and stopped is as served. What is quoted does not depend on it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import serving.assistant
from chatwright.errors import UserError
from model.config import ModelConfig
from model.hf import save_pretrained
from model.tokenizer import save_tokenizer
from model.transformer import Transformer
from serving.assistant import Assistant, Piece
from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.index import index
from tasks.params import IndexParams
from tasks.tokenizer import byte_level_bpe

CONTEXT = 256
DOCUMENTS = [
    ("shutil.copytree", "function", "copytree(src, dst)", 9,
     "Recursively copy a directory tree and return the destination directory."),
    ("shutil.rmtree", "function", "rmtree(path)", 20, "Recursively delete a directory tree."),
    ("os.remove", "function", "remove(path)", 60, "Remove a file (same as unlink())."),
    ("tempfile.TemporaryDirectory", "class", "TemporaryDirectory(suffix=None)", 3,
     "Create and return a temporary directory."),
    ("json.dumps", "function", "dumps(obj)", 10, "Serialize obj to a JSON formatted str."),
    ("time.sleep", "function", "sleep(seconds)", 30, "Delay execution for some seconds."),
]  # fmt: skip
DIALOGUES = [
    ("en", "Do you like green tea?", "Only when it is 80 degrees warm."),
    ("zh", "你喜欢喝绿茶吗", "我只喝八十度的。"),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    docs = [
        Document(
            f"python-docs/{title}", "python-docs", title,
            f"{title.rpartition('.')[0]}.{signature}\n\n{text}", "en",
            url=f"https://docs.python.org/3/#{title}",
            meta={"kind": kind, "signature": signature, "aliases": [], "uses": uses},
        )
        for title, kind, signature, uses, text in DOCUMENTS
    ]  # fmt: skip
    write_documents(docs, folder / "clean" / "train")
    write_dialogues(
        [
            Dialogue(
                f"dialogues/{n}", "dialogues", lang, "food",
                [{"role": "user", "content": said}, {"role": "assistant", "content": answer}],
            )
            for n, (lang, said, answer) in enumerate(DIALOGUES)
        ],
        folder / "dialogues",
    )  # fmt: skip
    index(
        folder / "clean", folder / "dialogues", folder / "index",
        IndexParams(passage_characters=1200),
    )  # fmt: skip
    texts = [doc.text for doc in docs] + [text for one in DIALOGUES for text in one[1:]]
    tokenizer_folder = folder / "tokenizer"
    tokenizer_folder.mkdir()
    tokenizer = byte_level_bpe(texts, 400)
    save_tokenizer(tokenizer, tokenizer_folder, CONTEXT)
    torch.manual_seed(0)
    model = Transformer(
        ModelConfig(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_layers=1, num_heads=2,
            num_key_value_heads=1, head_dim=16, intermediate_size=64, context_length=CONTEXT,
        )
    ).eval()  # fmt: skip
    save_pretrained(model, folder / "model", tokenizer_folder)
    return folder


@pytest.fixture(scope="module")
def assistant(bundle: Path) -> Assistant:
    return Assistant.load(bundle)


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def said(assistant: Assistant, *messages: dict[str, str], **options: Any) -> tuple[str, Piece]:
    """The whole text and the last piece."""
    pieces = list(assistant.reply(list(messages), seed=0, **options))
    assert all(p.finish_reason is None and p.citations is None for p in pieces[:-1])
    return "".join(piece.text for piece in pieces), pieces[-1]


@pytest.mark.parametrize("question", ["What does shutil.copytree do?", "shutil.copytree 做什么？"])
def test_a_question_about_a_document_is_answered_in_its_words(
    assistant: Assistant, question: str
) -> None:
    text, last = said(assistant, user(question))
    assert text.startswith(
        "shutil.copytree(src, dst)\n\nRecursively copy a directory tree and return the "
        "destination directory."
    )
    assert last.finish_reason == "stop"
    best = (last.citations or [])[0]
    assert (best.document_id, best.title) == ("python-docs/shutil.copytree", "shutil.copytree")
    assert best.url == "https://docs.python.org/3/#shutil.copytree"
    assert best.quote in text
    assert 0.4 <= best.score <= 1


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("who won the world cup in 2018?", "I don't know"),
        ("how do I center a div in CSS?", "I don't know"),
        ("怎么做红烧肉?", "我不知道"),
    ],
)
def test_what_no_document_answers_is_declined_in_the_language_of_the_question(
    assistant: Assistant, question: str, sentence: str
) -> None:
    text, last = said(assistant, user(question))
    assert text.startswith(sentence)
    assert last == Piece(last.text, "stop", [])


@pytest.mark.parametrize(
    ("greeting", "answer"),
    [
        ("hello", "Hello! What would you like to know?"),
        ("Hi!", "Hello! What would you like to know?"),
        ("你好", "你好！想了解什么？"),
        ("你好！", "你好！想了解什么？"),
        ("Thanks!", "You are welcome."),
        ("谢谢", "不客气。"),
        ("bye", "Goodbye!"),
        ("再见", "再见！"),
    ],
)
def test_greetings_get_a_greeting_and_no_citation(
    assistant: Assistant, greeting: str, answer: str
) -> None:
    text, last = said(assistant, user(greeting))
    assert text == answer
    assert last.citations == []


@pytest.mark.parametrize("question", ["Who are you?", "你是谁？"])
def test_it_says_who_it_is(assistant: Assistant, question: str) -> None:
    text, last = said(assistant, user(question))
    assert "Chatwright" in text
    assert last.citations == []


@pytest.mark.parametrize(("prompt", "answer"), [one[1:] for one in DIALOGUES])
def test_a_known_line_of_small_talk_gets_its_known_answer(
    assistant: Assistant, prompt: str, answer: str
) -> None:
    assert said(assistant, user(prompt))[0] == answer


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The prompts that reach the model, which still writes."""
    seen: list[list[int]] = []
    real = serving.assistant.generate

    def listening(model: Transformer, ids: list[int], **options: Any) -> Iterator[int]:
        seen.append(list(ids))
        return real(model, ids, **options)

    monkeypatch.setattr(serving.assistant, "generate", listening)
    return seen


@pytest.mark.parametrize(
    ("system", "question"),
    [
        ("You are Ada Lovelace-Byron.", "Who are you?"),
        ("你是小雅·赵钱孙李。", "你是谁？"),
    ],
)
def test_the_name_that_a_system_message_gives_reaches_the_model_whole(
    assistant: Assistant, prompts: list[list[int]], system: str, question: str
) -> None:
    _, last = said(assistant, {"role": "system", "content": system}, user(question), max_tokens=5)
    assert [system in assistant.tokenizer.decode(ids) for ids in prompts] == [True]
    assert last.citations == []


def test_the_model_writes_when_small_talk_is_only_like_a_known_line(
    assistant: Assistant, prompts: list[list[int]]
) -> None:
    said(assistant, user("do you really like green tea?"), max_tokens=4)
    assert len(prompts) == 1


def test_a_follow_up_is_read_with_the_question_before_it(assistant: Assistant) -> None:
    first = "how do I make a temporary directory?"
    text, _ = said(assistant, user(first))
    _, alone = said(assistant, user("and how do I delete it?"))
    _, last = said(
        assistant, user(first), {"role": "assistant", "content": text},
        user("and how do I delete it?"),
    )  # fmt: skip
    titles = [citation.title for citation in last.citations or []]
    assert "shutil.rmtree" in titles or "tempfile.TemporaryDirectory" in titles
    assert titles != [citation.title for citation in alone.citations or []]


def test_a_follow_up_that_names_something_is_read_alone(assistant: Assistant) -> None:
    _, last = said(
        assistant, user("how do I make a temporary directory?"),
        {"role": "assistant", "content": "With tempfile."}, user("and what is json.dumps?"),
    )  # fmt: skip
    assert (last.citations or [])[0].title == "json.dumps"


def test_a_reply_ends_after_max_tokens_of_the_models_own_tokens(assistant: Assistant) -> None:
    whole, _ = said(assistant, user("What does shutil.copytree do?"))
    text, last = said(assistant, user("What does shutil.copytree do?"), max_tokens=7)
    assert last.finish_reason == "length"
    assert text == assistant.tokenizer.decode(assistant.tokenizer.encode(whole)[:7])
    assert last.citations, "a reply that was cut still says what it is from"


def test_no_half_of_a_character_is_ever_said(assistant: Assistant) -> None:
    for length in range(1, 30):
        text, _ = said(assistant, user("怎么做红烧肉?"), max_tokens=length)
        assert "\ufffd" not in text


def test_a_reply_ends_before_a_stop_sequence(assistant: Assistant) -> None:
    text, last = said(assistant, user("What does shutil.copytree do?"), stop=["directory tree"])
    assert text == "shutil.copytree(src, dst)\n\nRecursively copy a "
    assert last.finish_reason == "stop"


def test_a_written_reply_streams_a_piece_a_token_and_counts_them(assistant: Assistant) -> None:
    pieces = list(
        assistant.reply([user("do you really like green tea?")], max_tokens=6, temperature=0)
    )
    assert len(pieces) == 7, "six tokens and the end"
    assert pieces[-1].finish_reason == "length"
    assert pieces[-1].citations == []


def test_the_same_seed_writes_the_same_reply(assistant: Assistant) -> None:
    question = user("do you really like green tea?")
    first, second = (said(assistant, question, max_tokens=12, temperature=1.0)[0] for _ in range(2))
    assert first == second


def test_closing_a_reply_stops_the_model(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0

    def counted(*_: Any, **__: Any) -> Iterator[int]:
        nonlocal steps
        for token in [40] * 100:
            steps += 1
            yield token

    monkeypatch.setattr(serving.assistant, "generate", counted)
    reply = assistant.reply([user("do you really like green tea?")], max_tokens=100)
    next(reply)
    next(reply)
    reply.close()
    assert steps == 2


def test_a_conversation_that_fits_is_left_as_it_is(assistant: Assistant) -> None:
    messages = [user("hello"), {"role": "assistant", "content": "Hello!"}, user("bye")]
    assert assistant.trim(messages, 16) == messages


def test_the_oldest_turns_go_and_the_system_message_stays(assistant: Assistant) -> None:
    system = {"role": "system", "content": "You are Ada."}
    turns = [user(f"question {n} about copying a directory tree") for n in range(40)]
    kept = assistant.trim([system, *turns], 64)
    assert kept[0] == system
    assert kept[1:] == turns[-len(kept) + 1 :]
    assert 2 < len(kept) < 41
    assert assistant.count_prompt(kept) <= CONTEXT - 64
    longer = [system, *turns[-len(kept) :]]
    assert assistant.count_prompt(longer) > CONTEXT - 64, "one more turn would have fitted"


def test_a_long_reply_of_before_is_shortened_before_a_question_goes(assistant: Assistant) -> None:
    quote = {"role": "assistant", "content": "Recursively copy a directory tree. " * 30}
    kept = assistant.trim([user("copy a folder"), quote, user("and delete it?")], 64)
    assert [one["role"] for one in kept] == ["user", "assistant", "user"]
    assert quote["content"].startswith(kept[1]["content"])


def trimmed_turn_by_turn(
    assistant: Assistant, messages: list[dict[str, str]], max_tokens: int
) -> list[dict[str, str]] | None:
    """What ``trim`` has to give, by the slow way that needs no thought; None where it refuses."""
    room = CONTEXT - min(max_tokens, CONTEXT // 4)
    if assistant.count_prompt(messages) <= room:
        return messages
    turns = [
        {**one, "content": one["content"][:200]} if one["role"] == "assistant" else one
        for one in messages[:-1]
        if one["role"] != "system"
    ]
    system = [one for one in messages[:-1] if one["role"] == "system"]
    while turns and assistant.count_prompt([*system, *turns, messages[-1]]) > room:
        turns.pop(0)
    kept = [*system, *turns, messages[-1]]
    return kept if assistant.count_prompt(kept) < CONTEXT else None


contents = st.text(alphabet="the directory 文件夹\n<|im_end|>", max_size=90) | st.sampled_from(
    ["", "Recursively copy a directory tree. " * 12, " " * 900]
)
roles = st.sampled_from(["user", "assistant", "assistant", "system"])


@settings(deadline=None, max_examples=60)
@given(
    before=st.lists(st.fixed_dictionaries({"role": roles, "content": contents}), max_size=30),
    last=contents,
    max_tokens=st.integers(1, 100),
)
def test_a_conversation_is_trimmed_to_what_dropping_turn_by_turn_leaves(
    assistant: Assistant, before: list[dict[str, str]], last: str, max_tokens: int
) -> None:
    messages = [*before, user(last)]
    expected = trimmed_turn_by_turn(assistant, messages, max_tokens)
    if expected is None:
        with pytest.raises(UserError, match="do not fit the model's context"):
            assistant.trim(messages, max_tokens)
    else:
        assert assistant.trim(messages, max_tokens) == expected


class Turn(dict[str, str]):
    """A turn that counts how often turns are rendered."""

    rendered = 0

    def items(self) -> Any:
        Turn.rendered += 1
        return super().items()


def test_the_work_of_trimming_grows_with_a_conversation_and_not_with_its_square(
    assistant: Assistant,
) -> None:
    turns: list[dict[str, str]] = [Turn(user(f"question {n}")) for n in range(801)]
    Turn.rendered = 0
    kept = assistant.trim(turns, 64)
    assert kept == turns[-len(kept) :]
    assert Turn.rendered < 4 * len(turns), "dropping turn by turn renders each 400 times"


def test_how_far_a_message_is_beyond_the_context_is_counted_no_further_than_that_helps(
    assistant: Assistant,
) -> None:
    with pytest.raises(UserError, match="more than 2048 tokens do not fit"):
        assistant.trim([user("copy a directory tree " * 40_000)], 16)
    long = user("copy a directory tree " * 50)
    needed = assistant.count_prompt([long])
    assert CONTEXT < needed < 2048
    with pytest.raises(UserError, match=f"^messages: {needed} tokens do not fit"):
        assistant.trim([long], 16)


def test_a_message_that_does_not_fit_alone_is_refused(assistant: Assistant) -> None:
    with pytest.raises(UserError, match="do not fit the model's context of 256"):
        assistant.trim([user("copy a directory tree " * 300)], 16)


def test_no_message_at_all_is_refused(assistant: Assistant) -> None:
    with pytest.raises(UserError, match="there are none"):
        assistant.trim([], 16)
