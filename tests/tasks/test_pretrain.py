"""The pretrain stage: a model comes out, the same one however often the run was killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from chatwright.errors import BadParameter, CorpusTooSmall
from model import devices
from model.hf import load_pretrained
from model.masking import Objective
from model.tokenizer import ChatTokenizer
from tasks.params_training import ModelParams, PretrainParams
from tasks.pretrain import Pretrained, pretrain
from tasks.pretrain_options import check_sides, devices_here

MODEL = ModelParams(size="tiny", hidden_size=32, num_layers=2, num_heads=2, dropout=0.1)
STEP_TOKENS = 4 * 64


def trained(
    line: Path, folder: Path, steps: int = 6, model: ModelParams = MODEL, **choices: object
) -> Pretrained:
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    params = PretrainParams(
        **{"tokens": steps * STEP_TOKENS, "batch_size": 4, "learning_rate": 0.01} | choices  # type: ignore[arg-type]
    )
    return pretrain(
        line / "tokens", line / "tokenizer", folder / "base", work, params, model, seed=1
    )


def test_a_model_folder_comes_out_and_a_report_that_says_what_it_took(
    tiny_line: Path, tmp_path: Path
) -> None:
    result = trained(tiny_line, tmp_path, steps=40)
    model = load_pretrained(tmp_path / "base")
    assert model.config.hidden_size == 32 and model.config.context_length == 64
    assert ChatTokenizer.load(tmp_path / "base").vocab_size == 400
    report = result.report
    assert report.steps == 40 and report.tokens == 40 * STEP_TOKENS
    assert report.parameters == sum(p.numel() for p in model.parameters())
    # It began at log(400) = 6.0 nats, what knowing nothing costs.
    assert report.loss < 5 and report.validation_loss is not None and report.validation_loss < 5.5
    assert {"step", "tokens", "loss", "split"} == set(result.curve[0])
    assert result.samples.count("---") == 3


def test_a_masked_model_learns_to_tell_what_was_there(tiny_line: Path, tmp_path: Path) -> None:
    result = trained(tiny_line, tmp_path, steps=60, objective="masked")
    losses = [point["loss"] for point in result.curve if point["split"] == "validation"]
    assert losses[0] > losses[-1] and result.report.validation_loss == losses[-1]
    # Told from both sides: not what a model that learns next tokens ends with.
    causal = trained(tiny_line, tmp_path / "causal", steps=60)
    assert causal.report.validation_loss != losses[-1]


def test_a_tokenizer_without_a_mask_token_is_refused_for_masked_tokens(
    tiny_line: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_line / "tokens", tmp_path / "tokens")
    shutil.copytree(tiny_line / "tokenizer", tmp_path / "tokenizer")
    for path in (tmp_path / "tokenizer").glob("tokenizer*.json"):
        path.write_text(path.read_text("utf-8").replace("<|mask|>", "<|other|>"), "utf-8")
    config = tmp_path / "tokenizer/tokenizer_config.json"
    config.write_text(config.read_text("utf-8").replace("mask_token", "other"), "utf-8")
    with pytest.raises(BadParameter, match="masked needs a mask token and this tokenizer has none"):
        trained(tmp_path, tmp_path / "out", objective="masked")
    assert trained(tmp_path, tmp_path / "out").report.steps == 6


@pytest.mark.parametrize("objective", ["masked", "mixed"])
def test_a_recurrent_model_is_refused_for_masked_tokens(objective: Objective) -> None:
    check_sides(objective, "qwen3")
    check_sides("causal", "lstm")
    with pytest.raises(BadParameter, match=f"{objective} needs a model that sees both sides"):
        check_sides(objective, "lstm")


@pytest.mark.slow
def test_the_batch_size_that_memory_holds_is_found_once_and_kept_for_the_run(
    tiny_line: Path, tmp_path: Path
) -> None:
    # 1,300 rows of 64 tokens; in 200 steps at the least they make batches of six, and so of four.
    result = trained(tiny_line, tmp_path, batch_size="auto", tokens=1300 * 64)
    assert result.report.batch_size == 4 and result.report.steps == 325
    # What was free then may not be free now: the run goes on with what it began with.
    begun = tmp_path / "next" / "work"
    begun.mkdir(parents=True)
    (begun / "batch_size.json").write_text("2")
    again = trained(tiny_line, tmp_path / "next", batch_size="auto", tokens=10 * 64)
    assert again.report.batch_size == 2 and again.report.steps == 5


def test_progress_counts_tokens_to_the_end(tiny_line: Path, tmp_path: Path) -> None:
    seen: list[tuple[float, float | None, str, dict]] = []
    (tmp_path / "work").mkdir()
    pretrain(
        tiny_line / "tokens",
        tiny_line / "tokenizer",
        tmp_path / "base",
        tmp_path / "work",
        PretrainParams(tokens=3 * STEP_TOKENS, batch_size=4, learning_rate=0.01),
        MODEL,
        seed=1,
        progress=lambda done, total, unit="", **figures: seen.append((done, total, unit, figures)),
    )
    done, total, unit, figures = seen[-1]
    assert done == total == 3 * STEP_TOKENS and unit == "tokens"
    assert set(figures) == {"loss", "tokens_per_second"}


def test_another_seed_gives_another_model_and_the_same_the_same(
    tiny_line: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        trained(tiny_line, tmp_path / name)
    (tmp_path / "c" / "work").mkdir(parents=True)
    pretrain(
        tiny_line / "tokens",
        tiny_line / "tokenizer",
        tmp_path / "c" / "base",
        tmp_path / "c" / "work",
        PretrainParams(tokens=6 * STEP_TOKENS, batch_size=4, learning_rate=0.01),
        MODEL,
        seed=2,
    )
    a, b, c = ((tmp_path / n / "base" / "model.safetensors").read_bytes() for n in "abc")
    assert a == b and a != c


def test_fewer_rows_than_a_batch_says_how_many_tokens_are_missing(
    tiny_line: Path, tmp_path: Path
) -> None:
    with pytest.raises(CorpusTooSmall, match="one batch takes 5,000: about .* tokens are missing"):
        trained(tiny_line, tmp_path, batch_size=5000)


def test_sizes_that_do_not_fit_are_refused_before_any_training(
    tiny_line: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadParameter, match="model.num_heads"):
        trained(tiny_line, tmp_path, model=ModelParams(size="tiny", hidden_size=32, num_heads=5))


def test_a_loss_that_explodes_says_what_to_change(tiny_line: Path, tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="learning_rate.*Try a third"):
        trained(
            tiny_line,
            tmp_path,
            steps=80,
            learning_rate=1.0,
            optimizer="adamw",
            precision="fp32",
            schedule="constant",
            weight_decay=10,
        )


RUN = """
import sys
from pathlib import Path
from tasks.params_training import ModelParams, PretrainParams
from tasks.pretrain import pretrain

line, folder = Path(sys.argv[1]), Path(sys.argv[2])
pretrain(
    line / "tokens", line / "tokenizer", folder / "base", folder / "work",
    PretrainParams(tokens=160 * 256, batch_size=4, learning_rate=0.01, checkpoint_seconds=0),
    ModelParams(size="tiny", hidden_size=32, num_layers=2, num_heads=2, dropout=0.1), 1,
)
"""


def started(line: Path, folder: Path) -> subprocess.Popen[str]:
    (folder / "work").mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(line), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def steps_done(folder: Path) -> int:
    return max((int(p.name[5:14]) for p in (folder / "work").glob("step-*")), default=0)


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return said


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_with_the_bytes_of_one_that_was_not(
    tiny_line: Path, tmp_path: Path
) -> None:
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    first = started(tiny_line, unbroken)
    for _ in range(2):
        process = started(tiny_line, killed)
        before, deadline = steps_done(killed), time.monotonic() + 100
        while steps_done(killed) < before + 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert 20 <= steps_done(killed) < 160, "it was to be killed in the midst of its work"
    assert "going on from step" in ended(started(tiny_line, killed))
    ended(first)
    name = "base/model.safetensors"
    assert (killed / name).read_bytes() == (unbroken / name).read_bytes()


@pytest.mark.slow
def test_a_bfloat16_run_comes_as_far_as_a_float32_one(tiny_line: Path, tmp_path: Path) -> None:
    losses = [
        trained(tiny_line, tmp_path / precision, steps=60, precision=precision).report.loss
        for precision in ("fp32", "bf16")
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.15)
    assert load_pretrained(tmp_path / "bf16" / "base").model.norm.weight.dtype == torch.float32


def test_a_model_that_cannot_be_shared_out_is_refused_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "cores", lambda: 2)
    model = ModelParams(size="tiny")
    shared = PretrainParams(tokens=1, strategy="fsdp", devices=2, batch_size=4)
    assert devices_here(shared, model).processes == 2
    for changes, sentence in (
        ({"devices": 1}, "pretrain.strategy: fsdp shares a model out among several processes"),
        ({"precision": "fp16"}, "pretrain.precision: fp16 needs scaled gradients"),
        ({"batch_size": "auto"}, "pretrain.batch_size: auto tries on one device"),
    ):
        with pytest.raises(BadParameter, match=sentence):
            devices_here(shared.model_copy(update=changes), model)
