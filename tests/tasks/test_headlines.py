"""The last table of a run says of each stage what was left out, too."""

from pathlib import Path

import pytest

from tasks.headlines import headline
from tasks.ingest.ingest import IngestReport


def ingested(left_out: dict[str, dict[str, int]]) -> str:
    report = IngestReport(
        documents={"folder": 2, "web": 1},
        dialogues={"dialogues": 1_000},
        labelled={},
        characters={"folder": 9},
        bytes={"folder": 1_500_000},
        left_out=left_out,
        named=[],
    )
    Path("reports").mkdir(exist_ok=True)
    Path("reports/ingest.json").write_text(report.model_dump_json(), encoding="utf-8")
    return headline("ingest")


def test_what_could_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    left_out = {"folder": {"is empty": 1, "is not JSON": 2}, "web": {"HTTP status 404": 1}}
    assert ingested(left_out) == ("3 documents, 1,000 dialogues, 1.5 MB; 4 left out while reading")


def test_characters_that_are_damaged_are_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ingested({"folder": {"damaged characters": 70}, "web": {}}) == (
        "3 documents, 1,000 dialogues, 1.5 MB"
    )
