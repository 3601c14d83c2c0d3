"""Which version is served: the first, then only a better one."""

import sys
from importlib.metadata import packages_distributions

import grimp
import pytest

from tasks.champion import Figures, is_better
from tasks.params import RegisterParams
from tasks.register import CODE, NEEDS

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
