"""A forecast before the bill: what it says, what it stands on, and how it is held to it."""

import json
from pathlib import Path

import pytest

from chatwright.errors import BadInput
from model.config import ModelConfig
from model.options import Training
from model.pace import Pace
from model.tokenizer import ChatTokenizer
from tasks.corpus_figures import CorpusFigures, corpus_figures
from tasks.evaluate.language_model import bits_per_byte
from tasks.fitted_runs import fitted_runs
from tasks.forecast import Forecast, RunForecast, forecast
from tasks.params_training import ModelParams, PretrainParams
from tasks.pretrain import Pretrained, pretrain

MODEL = ModelParams(size="tiny", hidden_size=32, num_layers=2, num_heads=2)
STEP_TOKENS = 4 * 64
CONFIG = ModelConfig.from_size("small", vocab_size=4096, context_length=256)
OPTIONS = Training(steps=878, batch_size=8, seed=1, learning_rate=5e-3, precision="fp32")


def trained(line: Path, folder: Path, said: list[str], steps: int = 20) -> Pretrained:
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    return pretrain(
        line / "tokens",
        line / "tokenizer",
        folder / "base",
        work,
        PretrainParams(tokens=steps * STEP_TOKENS, batch_size=4, learning_rate=0.01),
        MODEL,
        1,
        say=said.append,
    )


def points_file(folder: Path, unigram: float = 3.0) -> Path:
    """Runs of a made-up law, 1 + 500 / N^0.5 + 300 / bytes^0.5, where a token is four bytes."""
    columns = "parameters_without_embeddings,tokens,unique_tokens,bytes_per_token,unigram_bits_per_byte,bits_per_byte"
    lines = [columns]
    for size in (1e5, 3e5, 1e6):
        for tokens in (5e4, 1e5, 2e5, 4e5):
            bits = 1 + 500 / size**0.5 + 300 / (4 * tokens) ** 0.5
            lines.append(f"{size},{tokens},500000,4.0,{unigram},{bits}")
    path = folder / "scaling.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_training_says_its_forecast_and_the_report_how_far_off_it_was(
    tiny_line: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    report = trained(tiny_line, tmp_path, said).report
    (line,) = [line for line in said if line.startswith("forecast: ")]
    # 2 layers: 32 x (32 + 16 + 16 + 32) + 3 x 32 x 128, norms of 2 x 32 + 2 x 16; 400 embeddings
    # of 32 and a norm: 43,744.
    assert "43.7 k parameters, 5.12 k tokens, " in line and " of memory, " in line
    made = report.forecast
    assert made.seconds is not None and made.bits_per_byte is not None
    assert made.real_seconds == report.seconds
    # Seconds are rounded to a tenth, which is much of so short a run.
    least = 100 * ((made.seconds - 0.05) / (made.real_seconds + 0.05) - 1)
    most = 100 * ((made.seconds + 0.05) / (made.real_seconds - 0.05) - 1)
    assert made.seconds_off_percent is not None
    assert least - 0.1 <= made.seconds_off_percent <= most + 0.1
    assert made.real_bits_per_byte is not None and made.bits_per_byte_off_percent == pytest.approx(
        100 * (made.bits_per_byte / made.real_bits_per_byte - 1), abs=0.1
    )


def test_a_run_that_goes_on_is_held_to_what_was_said_at_its_start(
    tiny_line: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    work = tmp_path / "work"
    work.mkdir()
    earlier = Forecast(43_744, 5_120, 1e9, 10**9, 1.5, False, 321.0, [0.1, 0.1, 0.2])
    (work / "forecast.json").write_text(json.dumps(earlier.__dict__), "utf-8")
    report = trained(tiny_line, tmp_path, said).report
    assert report.forecast.seconds == 321.0 and report.forecast.bits_per_byte == 1.5
    assert said == [
        "forecast at the start: 43.7 k parameters, 5.12 k tokens, 1 GFLOP, "
        "about 1 GB of memory, 5 min 21 s, 1.50 bits per byte"
    ]


def test_bits_per_byte_of_the_packed_rows_are_what_the_evaluation_measures(
    tiny_line: Path, tmp_path: Path
) -> None:
    """Both score the same held-out documents; rows also cut them, hence not quite the same."""
    from model.hf import load_pretrained
    from tasks.documents import read_documents

    report = trained(tiny_line, tmp_path, [], steps=60).report
    texts = [document.text for document in read_documents(tiny_line / "clean" / "validation")]
    ids = ChatTokenizer.load(tiny_line / "tokenizer")
    evaluated = bits_per_byte(load_pretrained(tmp_path / "base"), ids, texts).bits_per_byte
    assert report.forecast.real_bits_per_byte == pytest.approx(evaluated, rel=0.06)


def test_the_time_counts_steps_validation_and_checkpoints() -> None:
    expected = forecast(CONFIG, OPTIONS)
    assert expected.seconds is None
    timed = expected.at_pace(Pace(0.5, 0.4, 0.7, 10), OPTIONS, CONFIG, validations=48)
    # 878 steps and a third of 48: 447 s. Weights and states of 3.26 M parameters, 1.06 M of them
    # embeddings and norms, are 4 x (3.26 + 2.2 + 2 x 1.06) = 30 MB: 0.15 s each half minute.
    assert timed.seconds == pytest.approx(447 + 0.15 * (447 / 30 + 1), abs=0.2)


def test_what_is_expected_of_another_corpus_goes_by_its_unigram_model(tmp_path: Path) -> None:
    runs = fitted_runs(points_file(tmp_path))
    assert runs is not None
    by_hand = 1 + 500 / 4e5**0.5 + 300 / 1.2e6**0.5
    assert runs.bits_per_byte(400_000, 300_000, None) == (pytest.approx(by_hand, rel=0.01), False)
    harder = CorpusFigures(tokens=600_000, bytes_per_token=2.0, unigram_bits_per_byte=3.6)
    by_hand = 1.2 * (1 + 500 / 4e5**0.5 + 300 / 1.2e6**0.5)
    bits, is_a_guess = runs.bits_per_byte(400_000, 600_000, harder)
    assert bits == pytest.approx(by_hand, rel=0.01) and not is_a_guess


def test_far_from_all_runs_it_is_called_a_guess(tmp_path: Path) -> None:
    runs = fitted_runs(points_file(tmp_path))
    assert runs is not None
    assert runs.bits_per_byte(5_000_000, 300_000, None)[1]  # five times the largest
    assert runs.bits_per_byte(400_000, 1_900_000, None)[1]  # nearly five times the longest
    small = CorpusFigures(tokens=10_000, bytes_per_token=4.0, unigram_bits_per_byte=3.0)
    assert runs.bits_per_byte(400_000, 100_000, small)[1]  # ten times over
    assert "(a guess: " in str(Forecast(1, 1, 1.0, 1, 1.5, True))


def test_without_the_runs_the_loss_is_left_out(tmp_path: Path) -> None:
    assert fitted_runs(tmp_path / "none.csv") is None
    assert "bits" not in str(forecast(CONFIG, OPTIONS))


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "tokens,unique_tokens\nx,1\n", "tokens\n"])
def test_a_broken_file_of_runs_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scaling.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=r"scaling.csv: cannot be used: .*Restore it with: git"):
        fitted_runs(path)


def test_a_corpus_with_nothing_held_out_has_no_bits_to_compare(
    tiny_line: Path, tmp_path: Path
) -> None:
    (tmp_path / "tokens").mkdir()
    for split, source in (("train", "train"), ("validation", "test")):  # test is empty here
        data = (tiny_line / "tokens" / f"{source}.arrow").read_bytes()
        (tmp_path / "tokens" / f"{split}.arrow").write_bytes(data)
    ids = ChatTokenizer.load(tiny_line / "tokenizer")
    assert corpus_figures(tmp_path / "tokens", ids) is None


def test_a_forecast_that_was_never_measured_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    run = RunForecast(forecast(CONFIG, OPTIONS), OPTIONS, CONFIG, 0, tmp_path, print)
    made = run.compared(12.34)
    assert made.seconds is None and made.seconds_off_percent is None and made.real_seconds == 12.3
