"""The comparison: who takes part, how large, by what measured, and what a killed one keeps."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chatwright.errors import BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.masking import Masking
from model.ngram import KneserNey
from model.tokenizer import ChatTokenizer
from tasks.compare.competing import compare
from tasks.compare.contest import Contest, prepared
from tasks.compare.measures import masked_score, ngram_bits_per_byte
from tasks.compare.result import Result
from tasks.compare.rivals import RIVALS, nearest_width, parameters, rival_config
from tasks.compare.runs import ComparisonRuns
from tasks.compare.table import comparison_table, markdown
from tasks.documents import read_documents
from tasks.params import Params, load_params

ROOT = Path(__file__).resolve().parents[3]
TRANSFORMER = ModelConfig.from_size("tiny", vocab_size=400, context_length=64)


@pytest.fixture
def params() -> Params:
    given = load_params(ROOT / "params.yaml")
    model = given.model.model_copy(
        update={"size": "tiny", "hidden_size": 64, "num_layers": 2, "num_heads": 2}
    )
    pretrain = given.pretrain.model_copy(update={"batch_size": 4, "learning_rate": 0.01})
    return given.model_copy(update={"model": model, "pretrain": pretrain})


@pytest.fixture
def contest(
    tiny_line: Path, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Contest:
    """Ten steps on the tiny corpus; its validation split stands in for the test split it lacks."""
    monkeypatch.chdir(tmp_path)
    # It would ship what is noted, and remove it, while the test looks at it.
    monkeypatch.setattr("tasks.compare.runs.start_shipping", lambda: None)
    clean = tmp_path / "clean"
    clean.mkdir()
    (clean / "test").symlink_to(tiny_line / "clean" / "validation")
    work = tmp_path / "work"
    work.mkdir()
    made = prepared(tiny_line / "tokens", tiny_line / "tokenizer", clean, work, params, 10 * 4 * 64)
    return made


@pytest.mark.parametrize("name", ["rnn", "lstm"])
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_the_older_networks_are_as_large_as_the_transformer(name: str, size: str) -> None:
    transformer = ModelConfig.from_size(size, vocab_size=4096, context_length=256)
    rival = next(rival for rival in RIVALS if rival.name == name)
    config = rival_config(rival, transformer)
    wanted = sum(p.numel() for p in build(transformer).parameters())
    found = sum(p.numel() for p in build(config).parameters())
    assert config.architecture == name
    assert abs(found - wanted) <= 0.05 * wanted


def test_a_width_is_solved_for_with_the_nearest_size() -> None:
    # 31.6 squared is 1,000: 32 is nearer than 24.
    assert nearest_width(lambda width: width * width, 1_000, step=8) == 32
    assert nearest_width(lambda width: width * width, 700, step=8) == 24
    assert nearest_width(lambda width: width * width, 1_000) == 32
    assert nearest_width(lambda width: width * width, 1) == 1


def test_a_size_that_no_rival_can_have_is_told() -> None:
    # 46 parameters; LSTMs 1 and 2 wide have 21 and 58.
    tiny = replace(
        TRANSFORMER,
        vocab_size=4,
        hidden_size=2,
        num_layers=1,
        num_heads=1,
        num_key_value_heads=1,
        head_dim=2,
        intermediate_size=2,
    )
    lstm = next(rival for rival in RIVALS if rival.name == "lstm")
    with pytest.raises(BadParameter, match="no lstm has about .* parameters"):
        rival_config(lstm, tiny)


def test_bits_per_byte_of_ngrams_count_every_token_and_the_end(tiny_line: Path) -> None:
    ids = ChatTokenizer.load(tiny_line / "tokenizer")
    texts = ["No operator.", "The lambda expression"]
    # Counted on nothing at all, every token of 400 costs log2(400) bits.
    nothing = KneserNey(np.zeros((1, 1)), np.zeros((1, 1)), ids.vocab_size, order=2)
    found = ngram_bits_per_byte(nothing, ids, texts)
    tokens = sum(len(ids.encode(text)) + 1 for text in texts)
    assert found.tokens == tokens and found.bytes == 33
    assert found.bits_per_byte == pytest.approx(tokens * math.log2(400) / 33)


def test_a_model_that_knows_nothing_tells_masked_tokens_by_chance(
    tiny_line: Path, tmp_path: Path
) -> None:
    ids = ChatTokenizer.load(tiny_line / "tokenizer")
    texts = [document.text for document in read_documents(tiny_line / "clean" / "validation")]
    model = build(TRANSFORMER)
    model.init_weights(1, std=0.0)  # all scores are 0: every token is as likely
    assert ids.mask_id is not None
    masking = Masking.of(ids.mask_id, ids.special_ids, ids.vocab_size)
    told = masked_score(model, ids, texts, masking, tmp_path / "rows.arrow")
    tokens = sum(len(ids.encode(text)) + 1 for text in texts)
    size = sum(len(text.encode()) for text in texts)
    assert told.pseudo_bits_per_byte == pytest.approx(math.log2(400) * tokens / size, rel=1e-4)
    # Special tokens are never masked, and the likeliest of equals is the first, a special one.
    assert told.accuracy == 0
    assert 0.1 * tokens < told.tokens < 0.2 * tokens


@pytest.mark.slow
def test_all_take_part_and_each_is_measured_by_what_it_can(contest: Contest) -> None:
    said: list[tuple[str, str]] = []
    runs = ComparisonRuns({"tokens": 2560})
    results = compare(contest, runs, say=lambda name, line: said.append((name, line)))
    assert [result.name for result in results] == [rival.name for rival in RIVALS]
    assert all(result.tokens == 2560 and result.batch_size == 4 for result in results)
    by_name = {result.name: result for result in results}
    for name in ("ngram", "rnn", "lstm", "causal"):
        found = by_name[name]
        # Knowing nothing costs log2(400) bits a token, and there are two bytes or so in one.
        assert found.bits_per_byte is not None and 0 < found.bits_per_byte < 8
        assert found.masked_accuracy is None and found.pseudo_bits_per_byte is None
    masked, mixed = by_name["masked"], by_name["mixed"]
    assert masked.bits_per_byte is None and masked.pseudo_bits_per_byte is not None
    assert mixed.bits_per_byte is not None and mixed.masked_accuracy is not None
    wanted = parameters(contest.transformer)
    for name in ("rnn", "lstm"):
        assert abs(by_name[name].parameters - wanted) <= 0.05 * wanted
    assert {"validation_loss"} == {point["name"] for point in by_name["ngram"].curve}
    assert {"train_loss", "validation_loss"} == {p["name"] for p in by_name["lstm"].curve}
    assert {"masked_train_loss", "masked_validation_loss"} == {p["name"] for p in masked.curve}

    events = spooled(runs)
    assert [name for name, _ in events] == [rival.name for rival in RIVALS]
    for name, noted in events:
        assert noted[0]["kind"] == "start" and noted[0]["parent_name"] == "compare"
        assert noted[0]["params"]["objective"] == by_name[name].objective
        assert noted[-1]["status"] == "FINISHED"
        assert noted[-1]["report"] == by_name[name].figures()

    # Again: nothing is trained, nothing noted, the same comes out.
    again = ComparisonRuns({"tokens": 2560})
    assert compare(contest, again) == results and not again.folder.exists()
    table = markdown(results)
    assert table.count("\n") == 2 + len(RIVALS)
    assert f"({masked.pseudo_bits_per_byte:.3f})" in table
    assert comparison_table(results).row_count == len(RIVALS)


def spooled(runs: ComparisonRuns) -> list[tuple[str, list[dict]]]:
    """Each run's name and events, in order."""
    files = sorted(runs.folder.glob("*.jsonl"))
    return [
        (path.stem.split("-", 1)[1], [json.loads(line) for line in path.read_text().splitlines()])
        for path in files
    ]


@pytest.mark.slow
def test_what_was_done_before_it_was_stopped_is_not_done_again(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def interrupted(name: str, line: str) -> None:
        steps.append(name)
        if name == "rnn":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(contest, ComparisonRuns({}), say=interrupted)
    kept = (contest.work / "ngram.json").read_bytes()
    first = Result.model_validate_json((contest.work / "rnn.json").read_bytes())
    runs = ComparisonRuns({})
    said: list[tuple[str, str]] = []
    results = compare(contest, runs, say=lambda name, line: said.append((name, line)))
    assert said[:2] == [("ngram", "done before"), ("rnn", "done before")]
    assert (contest.work / "ngram.json").read_bytes() == kept and results[1] == first
    # Its parent run holds them all, those done before too, with their curves and figures.
    events = dict(spooled(runs))
    assert set(events) == {rival.name for rival in RIVALS}
    assert events["rnn"][-1]["report"] == first.figures()
    assert sum(event["kind"] == "metrics" for event in events["rnn"]) == len(first.curve)
    assert not list(contest.work.glob("*/"))  # no checkpoints are left of what is done


@pytest.mark.slow
def test_a_network_stopped_while_training_goes_on_to_the_same_result(
    contest: Contest, tmp_path: Path
) -> None:
    unbroken = {result.name: result for result in compare(contest, ComparisonRuns({}))}
    other = replace(
        contest, work=tmp_path / "other", options=replace(contest.options, checkpoint_seconds=0)
    )
    other.work.mkdir()

    class Stop(Exception):
        pass

    def showing(name: str):  # type: ignore[no-untyped-def]
        def show(done: float, total: float | None, unit: str = "", **figures: float | str) -> None:
            if name == "lstm" and unit == "tokens" and total == 2560 and done >= 5 * 256:
                raise Stop

        return show

    with pytest.raises(Stop):
        compare(other, ComparisonRuns({}), showing=showing)
    said: list[tuple[str, str]] = []
    results = compare(other, ComparisonRuns({}), say=lambda name, line: said.append((name, line)))
    assert any(name == "lstm" and "going on from step" in line for name, line in said)
    resumed = {result.name: result for result in results}
    assert resumed["lstm"].bits_per_byte == unbroken["lstm"].bits_per_byte
    assert resumed["lstm"].curve == unbroken["lstm"].curve
    assert torch.tensor([r.bits_per_byte or 0 for r in results]).isfinite().all()
