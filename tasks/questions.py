"""Questions about documents, with their answers: what the chat model learns from and is asked.

Each titled document gives a few conversations: questions that name it ("What does {title} do?")
and questions that describe the need it meets ("How do I copy a directory tree?"), in English and
Chinese. The answer is the document's own words: its signature, where it has one, and its first
sentences.

Notable choices:

- Training and held-out questions are kept apart twice: by document (the caller asks for training
  questions of training documents, for held-out questions of test documents) and by phrasing (the
  two sets of templates below share none).
- Which phrasing a document gets is decided by a hash of its id: the same corpus always gives the
  same questions, and a new document changes nobody else's.
- A need is the summary sentence turned round ("Return the size of a file" -> "How do I get the
  size of a file?"), so it shares words with the document. It measures less than a question written
  by a person does; the questions written by hand are for that.

Not covered: questions whose answer stands deeper in a document, and ones that take two documents.
"""

import hashlib
import re
from typing import Literal, NamedTuple

from tasks.documents import Document
from tasks.needs import need

Style = Literal["name", "need"]
Message = dict[str, str]

ANSWER_CHARACTERS = 240
"""Whole sentences are added to an answer while it stays below this; the first is always there."""

TRAINING = "training"
HELD_OUT = "held-out"

# (set, style, language, sort of document) -> phrasings. Sorts are what can be asked of a document:
# something is done with "code", imported from a "module", read in a "text"; a need is met by what
# "does" something or by what "is" something.
TEMPLATES: dict[tuple[str, Style, str, str], tuple[str, ...]] = {
    (TRAINING, "name", "en", "code"): (
        "What does {title} do?",
        "How do I use {title}?",
        "Explain {title}",
        "what is {title}",
        "Tell me about {title}.",
    ),
    (TRAINING, "name", "en", "module"): (
        "What is the {title} module for?",
        "What does the module {title} do?",
        "Explain {title}",
        "when would I import {title}",
    ),
    (TRAINING, "name", "en", "text"): (
        "What is {title}?",
        "Explain {title}",
        "Tell me about {title}.",
        "what do you know about {title}",
    ),
    (TRAINING, "name", "zh", "code"): (
        "{title} 是做什么的？",
        "{title} 怎么用？",
        "请解释一下 {title}",
    ),
    (TRAINING, "name", "zh", "module"): (
        "{title} 模块是做什么的？",
        "请解释一下 {title}",
    ),
    (TRAINING, "name", "zh", "text"): (
        "{title} 是什么？",
        "请解释一下 {title}",
        "{title} 讲的是什么？",
    ),
    (TRAINING, "need", "en", "does"): (
        "How do I {base}?",
        "How can I {base}?",
        "Which {noun} {third}?",
    ),
    (TRAINING, "need", "en", "is"): (
        "Which {noun} is {base}?",
        "How do I get {base}?",
    ),
    (TRAINING, "need", "zh", "does"): (
        "怎样 {base}？",
        "我想 {base}，该用哪个{noun}？",
    ),
    (TRAINING, "need", "zh", "is"): ("哪个{noun}是 {base}？",),
    (HELD_OUT, "name", "en", "code"): (
        "What is {title} for?",
        "Can you describe {title} to me?",
        "I came across {title} in some code. What happens there?",
    ),
    (HELD_OUT, "name", "en", "module"): (
        "What can I do with {title}?",
        "Can you describe the {title} module?",
    ),
    (HELD_OUT, "name", "en", "text"): (
        "Can you describe {title} to me?",
        "What should I know about {title}?",
    ),
    (HELD_OUT, "name", "zh", "code"): (
        "{title} 有什么作用？",
        "能介绍一下 {title} 吗？",
    ),
    (HELD_OUT, "name", "zh", "module"): (
        "{title} 这个模块有什么作用？",
        "能介绍一下 {title} 吗？",
    ),
    (HELD_OUT, "name", "zh", "text"): (
        "能介绍一下 {title} 吗？",
        "关于 {title}，我该知道什么？",
    ),
    (HELD_OUT, "need", "en", "does"): (
        "I want to {base}. What should I use?",
        "Is there a {noun} that {third}?",
        "What is the way to {base}?",
    ),
    (HELD_OUT, "need", "en", "is"): (
        "I need {base}. Where do I find it?",
        "Is there a {noun} that is {base}?",
    ),
    (HELD_OUT, "need", "zh", "does"): (
        "有没有{noun}可以 {base}？",
        "如果要 {base}，应该用什么？",
    ),
    (HELD_OUT, "need", "zh", "is"): ("我需要 {base}，有这样的{noun}吗？",),
}

NOUNS = {
    "en": {"module": "module", "class": "class", "method": "method", "property": "property"},
    "zh": {"module": "模块", "class": "类", "method": "方法", "property": "属性"},
}
CODE_KINDS = ("function", "class", "method", "property")

_SENTENCE_END = re.compile(
    # Not after "e.g." and its like, nor a single initial; a sentence that follows starts anew.
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\betc\.)(?<!\bvs\.)(?<!\b[A-Z]\.)"
    r"(?:(?<=[.!?])\s+(?=[A-Z0-9\"'`(\[*])|(?<=[。！？])\s*)"
)


class HeldOutQuestion(NamedTuple):
    """A question that no training example asks in these words, and what a good reply says."""

    question: str
    document_id: str
    title: str
    answer: str
    style: Style
    lang: str


def training_questions(document: Document) -> list[list[Message]]:
    """Conversations to fine-tune on, made from a training document.

    Returns:
        Lists of messages, a user's question and the answer each: one by name and language, and one
        by need and language where the summary can be turned into a need. Empty for a document
        without a title or without a sentence.
    """
    answer = expected_answer(document)
    return [
        [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        for _, _, question in _questions(document, TRAINING)
    ]


def held_out_questions(document: Document) -> list[HeldOutQuestion]:
    """Questions to evaluate with, made from a document that was not trained on.

    The same kinds of questions as ``training_questions``; none of the phrasings occurs there.
    """
    answer = expected_answer(document)
    return [
        HeldOutQuestion(question, document.id, document.title, answer, style, lang)
        for style, lang, question in _questions(document, HELD_OUT)
    ]


def expected_answer(document: Document) -> str:
    """What a good reply says: the signature, where there is one, and the first sentences."""
    signature, body = signature_and_body(document)
    said: list[str] = []
    for sentence in _sentences(body):
        if said and len(" ".join([*said, sentence])) > ANSWER_CHARACTERS:
            break
        said.append(sentence)
    summary = " ".join(said)
    return f"`{signature}`\n\n{summary}" if signature and summary else summary


def summary_sentence(document: Document) -> str:
    """The first sentence after signature and heading, on one line; empty if there is none."""
    sentences = _sentences(signature_and_body(document)[1])
    return sentences[0] if sentences else ""


def signature_and_body(document: Document) -> tuple[str, str]:
    """Split a document's text into its signature line (or "") and what follows.

    A first line that only repeats the title, as the heading of a page does, belongs to neither.
    """
    text, title = document.text.strip(), document.title.strip()
    first, _, rest = text.partition("\n")
    first = first.strip()
    if title and first.startswith(f"{title}(") and not rest.strip().startswith("("):
        return first, rest.strip()
    if first.lstrip("# ").casefold() == title.casefold():
        return "", rest.strip()
    return "", text


def _questions(document: Document, which: str) -> list[tuple[Style, str, str]]:
    """(style, language, question) for each question of a set that a document can answer."""
    title = document.title.strip()
    summary = summary_sentence(document)
    if not title or not summary:
        return []
    kind = _kind(document)
    sort = "module" if kind == "module" else "code" if kind in CODE_KINDS else "text"
    wanted = need(summary)
    if wanted and sort != "text" and title.rsplit(".", 1)[-1].lower() in summary.lower().split():
        wanted = None  # the need would give the name away
    questions: list[tuple[Style, str, str]] = []
    # A question in English about a Chinese text is rare; the other way round it is the rule here.
    for lang in ("zh",) if document.lang == "zh" else ("en", "zh"):
        template = _chosen(TEMPLATES[which, "name", lang, sort], document.id, lang)
        questions.append(("name", lang, template.format(title=title)))
        if wanted and sort != "text":
            template = _chosen(TEMPLATES[which, "need", lang, wanted.sort], document.id, lang)
            noun = NOUNS[lang].get(kind, "function" if lang == "en" else "函数")
            question = template.format(base=wanted.base, third=wanted.third, noun=noun)
            questions.append(("need", lang, question))
    return questions


def _kind(document: Document) -> str:
    """What sort of thing a document describes ("function", "module"), "" where it does not say."""
    kind = document.meta.get("kind")
    return kind if isinstance(kind, str) else ""


def _chosen(templates: tuple[str, ...], document_id: str, lang: str) -> str:
    digest = hashlib.sha256(f"{document_id}\n{lang}".encode()).digest()
    return templates[int.from_bytes(digest[:8], "big") % len(templates)]


def _sentences(body: str) -> list[str]:
    """The sentences of a text's first paragraph of prose, each on one line.

    Rulers, prompts, headings and stubs ("filter object") are passed over, unless all are such.
    """
    lines = [re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n", body)]
    lines = [line for line in lines if re.search(r"\w\w", line)]
    prose = [
        line
        for line in lines
        if not line.startswith((">>>", "#", "---", "===", "```", "|"))
        and (line.count(" ") > 1 or not line.isascii())
    ]
    for line in prose or lines:
        return [sentence.strip() for sentence in _SENTENCE_END.split(line) if sentence.strip()]
    return []
