"""Writing: the tokens transformers would write, and no more work than is asked for."""

from collections.abc import Iterator

import pytest
import torch
from transformers import Qwen3ForCausalLM

from chatwright.errors import BadInput, BadParameter
from model.generation import generate
from model.hf import save_pretrained
from model.transformer import Transformer

PROMPT = [5, 17, 120, 9]


@pytest.fixture
def reference(small_model: Transformer, tmp_path) -> Qwen3ForCausalLM:
    save_pretrained(small_model, tmp_path)
    return Qwen3ForCausalLM.from_pretrained(tmp_path)


def greedy(model: Transformer, **settings) -> list[int]:
    return list(generate(model, PROMPT, **{"max_new_tokens": 40, **settings}))


@pytest.mark.parametrize("repetition_penalty", [1.0, 1.3])
def test_greedy_tokens_are_those_of_transformers(
    small_model: Transformer, reference: Qwen3ForCausalLM, repetition_penalty: float
) -> None:
    theirs = reference.generate(
        torch.tensor([PROMPT]),
        max_new_tokens=40,
        do_sample=False,
        repetition_penalty=repetition_penalty,
        eos_token_id=-1,
        pad_token_id=0,
    )[0, len(PROMPT) :].tolist()
    assert len(set(theirs)) > 3  # or the comparison would say little
    assert greedy(small_model, repetition_penalty=repetition_penalty) == theirs


def test_a_seed_decides_what_is_drawn(small_model: Transformer) -> None:
    drawn = [greedy(small_model, temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_drawing_does_not_touch_the_global_random_state(small_model: Transformer) -> None:
    before = torch.get_rng_state()
    greedy(small_model, temperature=1.0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("setting", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}])
def test_the_narrowest_settings_leave_the_likeliest_token(
    small_model: Transformer, setting: dict[str, float]
) -> None:
    assert greedy(small_model, seed=3, **{"temperature": 1.0, **setting}) == greedy(small_model)


class Fixed(Transformer):
    """Says the same shares of the first four ids, whatever it reads."""

    shares = torch.tensor([0.5, 0.3, 0.15, 0.05])

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        scores = torch.full((*hidden.shape[:-1], 300), -torch.inf)
        scores[..., :4] = self.shares.log()
        return scores


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.5, 0.3, 0.15, 0.05]),
        ({"top_k": 2}, [0.625, 0.375, 0, 0]),  # 0.5 / 0.8, 0.3 / 0.8
        ({"top_p": 0.9}, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]),  # 0.5 + 0.3 < 0.9
        ({"top_p": 0.5}, [1, 0, 0, 0]),
        # Squares of the shares: 0.25, 0.09, 0.0225, 0.0025, together 0.365.
        ({"temperature": 0.5}, [0.685, 0.2466, 0.0616, 0.0068]),
    ],
)
def test_tokens_are_drawn_in_the_shares_that_the_settings_leave(
    small_model: Transformer, settings: dict[str, float], expected: list[float]
) -> None:
    model = Fixed(small_model.config).eval()
    counts = torch.zeros(4)
    for seed in range(20):
        for token in generate(
            model, PROMPT, max_new_tokens=60, seed=seed, **{"temperature": 1.0, **settings}
        ):
            counts[token] += 1
    assert counts.sum() == 1200
    # Three standard deviations of 1,200 draws: at most 3 * sqrt(0.25 / 1200) = 0.043.
    torch.testing.assert_close(counts / 1200, torch.tensor(expected).float(), atol=0.045, rtol=0)
    assert all(count == 0 for count, share in zip(counts, expected, strict=True) if share == 0)


def test_a_stop_id_ends_the_reply_and_is_not_part_of_it(small_model: Transformer) -> None:
    free = greedy(small_model)
    stop = free[10]
    assert greedy(small_model, stop_ids=[stop]) == free[: free.index(stop)]


def test_prompt_and_reply_together_fill_the_context_at_most(small_model: Transformer) -> None:
    assert len(greedy(small_model, max_new_tokens=1000)) == 64 - len(PROMPT)
    full = [1] * 64
    assert list(generate(small_model, full, max_new_tokens=5)) == []


def steps_counted(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    steps: list[int] = []
    hidden = model.hidden
    monkeypatch.setattr(
        model, "hidden", lambda ids, **rest: (steps.append(ids.shape[1]), hidden(ids, **rest))[1]
    )
    return steps


def test_closing_the_reply_stops_the_work(
    small_model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_counted(small_model, monkeypatch)
    reply: Iterator[int] = generate(small_model, PROMPT, max_new_tokens=50)
    assert steps == []  # nothing before it is asked for
    next(reply), next(reply), next(reply)
    reply.close()  # type: ignore[attr-defined]
    # The prompt once, then one token a step.
    assert steps == [len(PROMPT), 1, 1]
    assert list(reply) == []


def test_between_tokens_the_reader_is_not_in_inference_mode(small_model: Transformer) -> None:
    for _ in generate(small_model, PROMPT, max_new_tokens=2):
        assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_new_tokens", -1),
        ("temperature", -0.1),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_k", -1),
        ("repetition_penalty", 0.0),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(
    small_model: Transformer, setting: str, value: float
) -> None:
    with pytest.raises(BadParameter, match=f"{setting}: {value} cannot be used"):
        generate(small_model, PROMPT, **{"max_new_tokens": 5, setting: value})


@pytest.mark.parametrize(
    ("prompt", "says"), [([], "empty"), ([1] * 65, "65 tokens"), ([300], "vocabulary of 300")]
)
def test_a_prompt_that_cannot_be_read_is_refused(
    small_model: Transformer, prompt: list[int], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        generate(small_model, prompt, max_new_tokens=5)
