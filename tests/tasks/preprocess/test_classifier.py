"""A classifier of the user's good and bad samples: what it learns, and what it does to a corpus."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.documents import REJECTED_SCHEMA, Document, read_documents, read_table, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.preprocess import PreprocessReport, preprocess
from tasks.preprocess.quality.classifier import BUCKETS, features, fitted, learnt

GOOD = [f"The kettle number {n} boils water for tea." for n in range(30)]
BAD = [f"CLICK HERE number {n} to win a prize now." for n in range(30)]


def test_features_are_the_square_roots_of_the_shares() -> None:
    # "a a b": the words a, a, b and the pairs "a a", "a b": shares 2/5, 1/5, 1/5, 1/5.
    part = features(["a a b", "", "a"])
    assert part.count == 3
    of_first = np.sort(part.values[part.rows == 0] ** 2)
    np.testing.assert_allclose(of_first, [0.2, 0.2, 0.2, 0.4], rtol=1e-6)
    assert not (part.rows == 1).any()
    # A text of one word has one run of two as well: itself.
    assert (part.values[part.rows == 2] ** 2).sum() == pytest.approx(1)
    assert part.buckets.max() < BUCKETS


def test_two_samples_are_weighed_as_arithmetic_says() -> None:
    """One word against another: at the optimum, half the error is the decay of the weight."""
    tea, ham = fitted(["tea"], ["ham"]).scores(["tea", "ham"])
    # By symmetry the bias is 0 and the scores are p and 1 - p. A text of one word has it as a word
    # and as a run, in one bucket or two: k entries of value v with k v^2 = 1, so the logit z obeys
    # z = (1 - p) / (2 * 0.001), p = sigmoid(z). Solved by bisection here.
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * 0.002 < 1 / (1 + np.exp(middle)) else (low, middle)
    assert tea == pytest.approx(1 / (1 + np.exp(-low)), abs=2e-3)
    assert ham == pytest.approx(1 - tea, abs=1e-4)


def test_it_learns_and_says_how_well() -> None:
    classifier, report = learnt(GOOD, BAD)
    assert (report.good, report.bad) == (30, 30)
    assert report.held_out_good_kept == report.held_out_bad_dropped == 1.0
    new = classifier.scores(["The kettle boils.", "Click here to win!", ""])
    assert new[0] > 0.5 > new[1]
    again, _ = learnt(GOOD, BAD)
    assert (again.scores(BAD) == classifier.scores(BAD)).all()


def test_labels_that_mean_nothing_are_told_by_the_held_out_samples() -> None:
    words = ["tea", "ham", "oak", "sun", "ice"]
    same = [" ".join(words[(n + k) % 5] for k in range(3)) for n in range(50)]
    _, report = learnt(same, same)
    assert report.held_out_good_kept + report.held_out_bad_dropped <= 1.1


def test_opinions_in_chinese(test_data: Path) -> None:
    with open(test_data / "zh/ChnSentiCorp-dev.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    good, bad = ([r[0] for r in rows if r[-1] == label] for label in ("positive", "negative"))
    _, report = learnt(good, bad)
    assert report.good + report.bad == 1200
    # Chance is a half; a support vector machine on words and pairs of words gets some 0.8 of so few.
    assert report.held_out_good_kept > 0.7 and report.held_out_bad_dropped > 0.7


def run(folder: Path, texts: list[str], classifier: dict[str, object]) -> PreprocessReport:
    documents = [Document(f"web/{n:02d}", "web", "T", text, "en") for n, text in enumerate(texts)]
    write_documents(documents, folder / "raw")
    params = PreprocessParams.model_validate(
        {"min_characters": 5, "validation_share": 0.0, "test_share": 0.0, "classifier": classifier}
    )
    return preprocess(folder / "raw", folder / "clean", folder / "rejected", params)


@pytest.fixture
def samples(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "good.txt").write_text("\n\n".join(GOOD))
    lines = "".join(json.dumps({"text": text}) + "\n" for text in BAD)
    (tmp_path / "bad.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return {"good": [str(tmp_path / "good.txt")], "bad": [str(tmp_path / "bad.jsonl.gz")]}


def test_what_scores_low_is_left_out_with_its_score(
    tmp_path: Path, samples: dict[str, object]
) -> None:
    texts = ["My kettle boils water.", "Click here and win a prize.", "Water for tea, hot water."]
    report = run(tmp_path, texts, samples)
    assert report.rejected == {"classifier": 1}
    assert report.classifier is not None and report.classifier.bad == 30
    kept = [each.text for each in read_documents(tmp_path / "clean/train")]
    assert kept == [texts[0], texts[2]]
    (row,) = read_table(tmp_path / "rejected", REJECTED_SCHEMA).to_pylist()
    name, score = row["reason"].split(": ")
    assert name == "classifier" and 0 < float(score) < 0.5
    assert run(tmp_path / "all", texts, samples | {"min_score": 0.0}).rejected == {}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("few.txt", b"one\ntwo\n", "2 samples are too few"),
        ("no.jsonl", b'{"text": "a"}\n{"words": "b"}\n', r"no\.jsonl:2: is no JSON object with a text"),
        ("no.jsonl", b"[" * 100_000, "is no JSON object with a text"),
        ("cut.txt.gz", gzip.compress(b"x" * 1000, mtime=0)[:15], "is a damaged gzip file"),
        ("gbk.txt", "中文".encode("gbk"), "is not UTF-8"),
        ("table.csv", b"a,b\n", "is in no format known here"),
    ],
)  # fmt: skip
def test_samples_that_cannot_be_used_are_named(
    tmp_path: Path, samples: dict[str, object], name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=sentence):
        run(tmp_path, ["Some text here."], samples | {"good": [str(tmp_path / name)]})
    with pytest.raises(MissingInput, match=r"nowhere\.txt: cannot be read"):
        run(tmp_path, ["Some text here."], samples | {"bad": ["nowhere.txt"]})
