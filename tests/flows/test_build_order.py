"""The order in flows/build.py and the graph in dvc.yaml are the same."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows import build as flow

ROOT = Path(__file__).resolve().parents[2]


def closure(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """All stages that come before each stage, directly or not."""

    def before(stage: str) -> set[str]:
        return edges[stage] | {further for nearer in edges[stage] for further in before(nearer)}

    return {stage: before(stage) for stage in edges}


def dvc_edges() -> dict[str, set[str]]:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    made_by = {
        path: name
        for name, stage in stages.items()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
        for path in ([entry] if isinstance(entry, str) else entry)
    }
    return {
        name: {
            maker
            for dependency in stage["deps"]
            for path, maker in made_by.items()
            if dependency == path or dependency.startswith(path + "/")
        }
        for name, stage in stages.items()
    }


def flow_edges(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {}

    def record(name: str, *after: Any) -> SimpleNamespace:
        edges[name] = {before.name for before in after}
        return SimpleNamespace(name=name)

    monkeypatch.setattr(flow, "check_here", lambda params: None)
    monkeypatch.setattr(flow, "stage", record)
    monkeypatch.setattr(flow, "outcome", lambda **stages: [])
    monkeypatch.setattr(flow, "create_table_artifact", lambda **artifact: None)
    flow.build.fn()
    return edges


def test_both_drivers_know_the_same_stages_in_the_same_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_flow, by_dvc = flow_edges(monkeypatch), dvc_edges()
    assert closure(by_flow) == closure(by_dvc)


def test_the_index_is_built_beside_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    before = closure(flow_edges(monkeypatch))
    assert "pretrain" not in before["index"] and "index" not in before["pretrain"]
