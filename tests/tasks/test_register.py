"""Which version is served: the first, then only a better one."""

import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from mlflow import MlflowClient

from tasks.champion import CORPUS, Figures, is_better
from tasks.documents import Document, write_documents
from tasks.params import RegisterParams, load_params
from tasks.register import CODE, NEEDS, register
from tasks.registry import CHALLENGER

ROOT = Path(__file__).resolve().parents[2]

PARAMS = RegisterParams(model_name="chatwright", tolerance=0.02)


def figures(bits: float, first: float | None, corpus: str = "old") -> Figures:
    return Figures(bits_per_byte=bits, right_first=first, text_sha256="same", corpus=corpus)


@pytest.mark.parametrize(
    ("challenger", "champion", "wins"),
    [
        (figures(9.0, 0.0), None, True),  # the first is served, whatever it is
        (figures(1.5, 0.7), figures(1.6, 0.7), True),  # fewer bits, as many questions
        (figures(1.5, 0.69), figures(1.6, 0.7), True),  # a question less is within tolerance
        (figures(1.5, 0.6), figures(1.6, 0.7), False),  # too many questions lost
        (figures(1.61, 0.8), figures(1.6, 0.7), True),  # 0.6 % more bits, more questions
        (figures(1.7, 0.8), figures(1.6, 0.7), False),  # 6 % more bits
        (figures(1.6, 0.7), figures(1.6, 0.7), False),  # the same is no better
        (figures(1.61, 0.7), figures(1.6, 0.7), False),  # a little worse is no better
        (figures(1.5, None), figures(1.6, 0.7), True),  # no questions fit this corpus
        (figures(1.7, None), figures(1.6, None), False),
        # Of a newer corpus: no worse is enough, and the questions are not comparable.
        (figures(1.61, 0.5, "new"), figures(1.6, 0.7), True),
        (figures(1.7, 0.9, "new"), figures(1.6, 0.7), False),
    ],
)
def test_a_challenger_is_served_only_when_it_is_better(
    challenger: Figures, champion: Figures | None, wins: bool
) -> None:
    better, reason = is_better(challenger, champion, PARAMS)
    assert better is wins
    assert reason


@pytest.mark.slow
def test_who_goes_back_to_an_older_build_goes_back_to_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    test = tmp_path / "test"
    write_documents([Document("a/1", "a", "T", "A held-out text.", "en")], test)
    (tmp_path / "index").mkdir()
    params = load_params(ROOT / "params.yaml")
    client = MlflowClient(params.tracking.uri)
    run_id = client.create_run(client.create_experiment("tried")).info.run_id

    def registered(weights: str, bits: float) -> tuple[int, bool, bool]:
        model = tmp_path / "model"
        model.mkdir(exist_ok=True)
        (model / "model.safetensors").write_text(weights, "utf-8")
        evaluation = {
            "language_model": {"compressed": {"bits_per_byte": bits}},
            "questions": {"written": {"all": {"right_first": 0.5}}},
        }
        report = register(
            model, tmp_path / "index", test, evaluation, params, run_id, {CORPUS: weights}
        )
        alias = client.get_model_version_by_alias(params.register_.model_name, CHALLENGER)
        assert int(alias.version) == report.version
        return report.version, report.is_new, report.is_champion

    assert registered("first", 1.5) == (1, True, True)
    assert registered("second", 1.4) == (2, True, True)
    assert registered("first", 1.5) == (1, False, False)
    assert registered("first", 1.5) == (1, False, False)
    assert registered("second", 1.4) == (2, False, True)


def test_a_version_names_all_packages_that_its_code_imports() -> None:
    graph = grimp.build_graph("tasks", *CODE, include_external_packages=True, cache_dir=None)
    reached: set[str] = set()
    todo = {"tasks.registered_assistant"}
    while todo:
        module = todo.pop()
        reached.add(module)
        todo |= graph.find_modules_directly_imported_by(module) - reached
    others = {module for module in reached if module.partition(".")[0] not in ("tasks", *CODE)}
    assert "torch" in others
    named = {name.lower() for name in NEEDS}
    found_in = packages_distributions()
    assert [
        package
        for package in sorted(others - sys.stdlib_module_names)
        if not named & {name.lower() for name in found_in[package]}
    ] == []
