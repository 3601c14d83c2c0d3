"""The whole evaluation on a small corpus with small, untrained models."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatwright.errors import BadInput, CorpusTooSmall, MissingInput
from model.config import ModelConfig
from model.hf import save_pretrained
from model.transformer import Transformer
from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.evaluate.__main__ import EvaluateReport, evaluate, sample_text
from tasks.evaluate.chart import draw_chart
from tasks.evaluate.table import evaluation_table
from tasks.index import index
from tasks.params import EvaluateParams, IndexParams, load_params

SUMMARIES = {
    "shutil.copytree": "Recursively copy a directory tree.",
    "os.path.getsize": "Return the size of a file, reported by os.stat.",
    "os.remove": "Delete a file for good.",
    "time.sleep": "Suspend execution for a given number of seconds.",
    "json.loads": "Deserialize a JSON document to a Python object.",
    "random.shuffle": "Put the elements of a list in random order.",
    "gzip.compress": "Compress data in one shot and return the compressed string.",
    "calendar.isleap": "Return True for leap years, False for non-leap years.",
}
HELD_OUT = ("shutil.copytree", "time.sleep")
QUESTIONS = [
    {
        "question": "What does shutil.copytree do?",
        "lang": "en",
        "style": "name",
        "documents": ["shutil.copytree"],
        "answer": "Recursively copy a directory tree",
    },
    {
        "question": "What does asyncio.run do?",
        "lang": "en",
        "style": "name",
        "documents": ["asyncio.run"],
        "answer": "Runs a coroutine",
    },
    {
        "question": "Who won the football match between Ghana and Uruguay?",
        "lang": "en",
        "style": "unanswerable",
        "documents": [],
    },
]


def document(title: str) -> Document:
    return Document(
        id=f"python-docs/{title}",
        source="python-docs",
        title=title,
        text=f"{title}(thing)\n\n{SUMMARIES[title]}",
        lang="en",
        meta={"kind": "function", "signature": f"{title.rsplit('.', 1)[-1]}(thing)"},
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, tokenizer_folder: Path) -> Path:
    """What the stage needs: a clean corpus, an index, three models, a file of questions."""
    root = tmp_path_factory.mktemp("evaluate")
    trained_on = [document(title) for title in SUMMARIES if title not in HELD_OUT]
    write_documents(trained_on[1:], root / "clean/train")
    write_documents(trained_on[:1], root / "clean/validation")
    write_documents([document(title) for title in HELD_OUT], root / "clean/test")
    hello = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"}]
    write_dialogues([Dialogue("dialogues/1", "dialogues", "zh", "greetings", hello)], root / "talk")
    index_params: IndexParams = load_params().index
    index(root / "clean", root / "talk", root / "index", index_params)
    for seed, name in enumerate(("base", "chat", "compressed")):
        config = ModelConfig.from_size("tiny", vocab_size=320, context_length=512)
        model = Transformer(config)
        model.init_weights(seed)
        save_pretrained(model, root / name, tokenizer_folder)
    lines = "".join(json.dumps(question) + "\n" for question in QUESTIONS)
    (root / "questions.jsonl").write_text(lines, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def evaluated(parts: Path) -> Callable[..., EvaluateReport]:
    def run(questions: Path | None = None, clean: Path | None = None) -> EvaluateReport:
        return evaluate(
            clean or parts / "clean",
            {name: parts / name for name in ("base", "chat", "compressed")},
            parts / "index",
            questions or parts / "questions.jsonl",
            EvaluateParams(questions="", generated_questions=6, held_out_bytes=10_000),
        )

    return run


@pytest.fixture(scope="module")
def report(evaluated: Callable[..., EvaluateReport]) -> EvaluateReport:
    return evaluated()


def test_models_and_floors_are_measured_on_the_same_text(report: EvaluateReport) -> None:
    texts = [document(title).text for title in HELD_OUT]
    assert report.held_out.documents == len(HELD_OUT)
    assert report.held_out.bytes == sum(len(text.encode()) for text in texts)
    assert set(report.language_model) == {"base", "chat", "compressed", "unigram", "xz"}
    for name, score in report.language_model.items():
        assert 0 < score.bits_per_byte < 12, name
    # A model that was not trained knows nothing: about log2(320) bits a token, give or take.
    ratio = report.held_out.tokens / report.held_out.bytes
    assert report.language_model["base"].bits_per_byte == pytest.approx(8.32 * ratio, rel=0.1)


def test_the_served_assistant_is_asked_both_sets(report: EvaluateReport) -> None:
    written, generated = report.questions["written"], report.questions["generated"]
    assert (written.all.questions, written.left_out) == (2, 1)
    assert written.groups["name"].right_first == 1.0
    assert written.groups["name"].token_recall == 1.0
    assert written.groups["unanswerable"].rightly_declined == 1.0
    assert generated.all.questions == 6
    assert set(generated.groups) == {"name", "need", "en", "zh"}
    assert generated.all.right_first is not None and generated.all.right_first >= 0.5


def test_three_exchanges_are_kept(report: EvaluateReport) -> None:
    assert len(report.samples) == 3
    assert report.samples[0].citations[0] == "shutil.copytree"
    assert all(sample.reply.strip() for sample in report.samples)
    assert report.samples[0].reply in sample_text(report.samples)


def test_the_same_build_gets_the_same_figures(
    report: EvaluateReport, evaluated: Callable[..., EvaluateReport]
) -> None:
    assert evaluated() == report


def test_the_report_can_be_shown(report: EvaluateReport, tmp_path: Path) -> None:
    tree = json.loads(report.model_dump_json(exclude_none=True))
    assert evaluation_table(tree).row_count > 8
    draw_chart(tree, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").stat().st_size > 1000


def test_another_corpus_is_evaluated_without_the_questions_about_this_one(
    evaluated: Callable[..., EvaluateReport], tmp_path: Path
) -> None:
    other = tmp_path / "questions.jsonl"
    question = {**QUESTIONS[1], "documents": ["asyncio.run"]}
    other.write_text(json.dumps(question) + "\n" + json.dumps(QUESTIONS[2]) + "\n")
    written = evaluated(questions=other).questions["written"]
    assert written.left_out == 2
    assert written.all.model_dump(exclude_none=True) == {"questions": 0}


def test_a_broken_file_of_questions_stops_the_stage(
    evaluated: Callable[..., EvaluateReport], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{\n")
    with pytest.raises(BadInput, match=r"broken\.jsonl, line 1"):
        evaluated(questions=broken)


def test_a_corpus_without_a_split_is_named(
    evaluated: Callable[..., EvaluateReport], tmp_path: Path
) -> None:
    with pytest.raises(MissingInput, match="train"):
        evaluated(clean=tmp_path)


def test_a_corpus_that_holds_nothing_out_is_an_error(
    evaluated: Callable[..., EvaluateReport], parts: Path, tmp_path: Path
) -> None:
    for split in ("train", "validation"):
        write_documents([document("os.remove")], tmp_path / split)
    write_documents([], tmp_path / "test")
    with pytest.raises(CorpusTooSmall, match=r"preprocess\.test_share"):
        evaluated(clean=tmp_path)
