"""The last lines of a run say which version is served now, whoever gave it the alias."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from rich.console import Console

from chatwright.commands.summary import print_summary
from tasks.registry import registry_client
from tests.chatwright.command import ROOT

WORSE = "worse: bits per byte 1.700 against 1.600"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """Three versions of the model in a project of its own, none of them with files."""
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"  # MLflow keeps one connection for each address
    params = (ROOT / "params.yaml").read_text("utf-8").replace("sqlite:///mlflow.db", uri)
    Path("params.yaml").write_text(params, "utf-8")
    client = registry_client(uri)
    client.create_registered_model("chatwright")
    for _ in range(3):
        client.create_model_version("chatwright", source=str(tmp_path))
    return client


def said(is_champion: bool, reason: str) -> str:
    """The summary of a run whose register stage has reported version 3."""
    Path("reports").mkdir()
    report = {
        "model_name": "chatwright",
        "version": 3,
        "is_champion": is_champion,
        "reason": reason,
        "experiment_id": "1",
        "run_id": "r",
    }
    Path("reports/register.json").write_text(json.dumps(report), "utf-8")
    console = Console(record=True, width=100)
    print_summary(console, [], 1.0)
    return console.export_text()


@pytest.mark.parametrize(
    ("served", "is_champion", "reason", "lines"),
    [
        ("3", True, "the first", ["chatwright version 3, champion (the first)"]),
        ("1", False, WORSE, [f"chatwright version 3, challenger ({WORSE})", "Still served:       version 1. To serve version 3 all the same, give it the alias champion"]),
        ("3", False, WORSE, [f"chatwright version 3, served now: it has been given the alias champion. Registered as challenger ({WORSE})"]),
        ("1", True, "the first", ["chatwright version 3, registered as champion (the first)", "Served now:         version 1, which has been given the alias champion since"]),
        (None, False, WORSE, [f"chatwright version 3, challenger ({WORSE})"]),
    ],
)  # fmt: skip
def test_the_alias_counts_as_it_is(
    registry: MlflowClient, served: str | None, is_champion: bool, reason: str, lines: list[str]
) -> None:
    if served is not None:
        registry.set_registered_model_alias("chatwright", "champion", served)
    printed = said(is_champion, reason)
    assert all(line in printed for line in lines), printed
