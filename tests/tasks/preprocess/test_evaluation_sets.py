"""Evaluation sets are read in the shapes that they are published in; others are refused."""

import gzip
import json
from pathlib import Path

import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.preprocess.evaluation_sets import read_evaluation_set

SQUAD = {
    "data": [
        {
            "title": "Lourdes",
            "paragraphs": [
                {"context": "The grotto.", "qas": [{"id": "5733", "question": "Where?", "answers": [{"text": "no"}]}]},
                {"context": "The dome.", "qas": []},
            ],
        }
    ]
}  # fmt: skip
CMRC = [{"context_id": "T_8", "context_text": "游戏。", "qas": [{"query_id": "Q_0", "query_text": "什么？", "answers": []}]}]  # fmt: skip
HUMAN_EVAL = {"task_id": "HumanEval/0", "prompt": "def f():", "canonical_solution": "return 1", "test": "assert f", "entry_point": "f"}  # fmt: skip

CASES = [
    ("squad.json", json.dumps(SQUAD), [("Lourdes, paragraph 1", ["The grotto."]), ("5733", ["Where?"]), ("Lourdes, paragraph 2", ["The dome."])]),
    ("cmrc.json", json.dumps(CMRC), [("T_8", ["游戏。"]), ("Q_0", ["什么？"])]),
    ("he.jsonl", json.dumps(HUMAN_EVAL), [("HumanEval/0", ["def f():", "return 1", "assert f"])]),
    ("own.jsonl", '{"question": "a?", "lang": "en", "documents": [], "answer": "b"}\n\n{"question": "c?", "answer": "d"}\n', [("line 1", ["a?"]), ("line 3", ["c?", "d"])]),
    ("mt.jsonl", '{"question_id": 81, "turns": ["one", "two"]}', [("81", ["one", "two"])]),
    ("chat.jsonl", '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}', [("line 1", ["hi", "ho"])]),
    ("alpaca.json", '[{"instruction": "x", "input": "", "output": "y"}]', [("entry 1", ["x", "", "y"])]),
    ("qnli.tsv", 'index\tquestion\tsentence\tlabel\n0\tWho "is\tHe is.\tentailment\n', [("line 2", ['Who "is', "He is."])]),
    ("mrpc.txt", "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tOne.\tTwo.\r\n", [("line 2", ["One.", "Two."])]),
    ("cola.tsv", "gj04\t1\t\tThe sailors rode.\ncj99\t0\t*\tAs you eat.\n", [("line 1", ["The sailors rode."]), ("line 2", ["As you eat."])]),
    ("wnli.tsv", "0\tI stuck a pin.\tThe pin had.\t1\n", [("line 1", ["I stuck a pin.", "The pin had."])]),
    ("stsb.csv", "一个小孩子在骑马。,\"一个, 孩子\",4.75\n", [("line 1", ["一个小孩子在骑马。", "一个, 孩子"])]),
    ("sst.csv", 'text,label\n"a ""good"", film",1\n', [("line 2", ['a "good", film'])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "expected"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("zipped", [False, True], ids=["", "gz"])
def test_each_shape_is_read(
    tmp_path: Path, name: str, content: str, expected: list[tuple[str, list[str]]], zipped: bool
) -> None:
    path = tmp_path / (name + ".gz" * zipped)
    path.write_bytes(gzip.compress(content.encode(), mtime=0) if zipped else content.encode())
    found = read_evaluation_set(path)
    assert found.name == str(path)
    assert [(item.name, item.texts) for item in found.items] == expected


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", b'{"task_id": "x", "completion": "y"}', "unknown shape: line 1 has no field of a known name that holds text. Known are"),
        ("a.jsonl", b'{"question": "q"}\n{"question": ', "a.jsonl, line 2: is not a JSON object"),
        ("a.jsonl", b"[1]", "a.jsonl, line 1: is not a JSON object"),
        ("a.jsonl", b"\n\n", "holds no evaluation text"),
        ("a.jsonl", b'{"question": " "}', "holds no evaluation text"),
        ("a.jsonl", b'{"question": 3}', "unknown shape: line 1"),
        ("a.json", b"{", "is not JSON"),
        ("a.json", b"[" * 100_000, "is not JSON"),
        ("a.json", b'{"rows": []}', "unknown shape: it is neither a list"),
        ("a.json", b'["x"]', "unknown shape: entry 1 is not an object"),
        ("a.json", b'{"data": [{"paragraphs": [{"text": "x"}]}]}', "unknown shape: entry 1 has a paragraph without a context"),
        ("a.tsv", b"name\tage\nann\t7\n", "unknown shape: its first line names no column of text"),
        ("a.tsv", b"", "holds no evaluation text"),
        ("a.csv", b'text,label\n"a "quoted" word",1\n', "is not a table"),
        ("a.jsonl", "né".encode("latin-1"), "is not UTF-8"),
        ("a.jsonl.gz", gzip.compress(b'{"question": "q"}' * 99, mtime=0)[:-12], "is a damaged gzip file"),
        ("a.jsonl.gz", gzip.compress(b"x", mtime=0)[:10] + b"\xff" * 20, "is a damaged gzip file"),
        ("a.parquet", b"PAR1", "unknown shape: the ending .parquet says nothing of its shape"),
        ("questions", b"x", "unknown shape: the ending of its name says nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_evaluation_set(tmp_path / name)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"no\.tsv.*cannot be read: No such file"):
        read_evaluation_set(tmp_path / "no.tsv")
    with pytest.raises(MissingInput, match="Is a directory"):
        read_evaluation_set(tmp_path)


@pytest.mark.parametrize(
    ("name", "items"),
    [
        # Counts as the data's own list has them: rows, problems, or paragraphs and questions.
        ("code/HumanEval.jsonl.gz", 164),
        ("glue/CoLA/dev.tsv", 1043),
        ("glue/CoLA/test.tsv", 1063),
        ("glue/MRPC/msr_paraphrase_test.txt", 1725),
        ("glue/QNLI/dev.tsv", 5463),
        ("glue/RTE/dev.tsv", 277),
        ("glue/SST-2/dev.tsv", 872),
        ("glue/STS-B/dev.tsv", 1500),
        ("glue/WNLI/dev.tsv", 71),
        ("glue/WNLI/val.tsv", 117),
        ("glue/stsb-zh-dev.csv", 1500),
        ("qa/DRCD_dev.json.gz", 1000 + 3524),
        ("qa/cmrc2018_trial.json", 256 + 1002 - 2),  # two are empty
        ("qa/cmrc2018_trial.squad.json", 256 + 1002 - 2),  # two are empty
        ("qa/squad2.0-tiny.json", 2 + 6),
        ("qa/xquad.zh.json", 240 + 1190),
    ],
)
def test_published_sets_are_read_whole(test_data: Path, name: str, items: int) -> None:
    assert len(read_evaluation_set(test_data / name).items) == items
