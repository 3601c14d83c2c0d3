"""Tables of long cells are read alike by every reader, whatever was read before."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.ingest.folder import folder
from tasks.ingest.labelled import labelled
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.params_ingest import FolderParams
from tasks.preprocess.evaluation_sets import read_evaluation_set

LONG = "word " * 40_000
ROWS = "".join(f"good film {n},pos\n" for n in range(30))


def of_folder(path: Path) -> int:
    return max(len(each.text) for each in folder(FolderParams(path=str(path.parent)), LeftOut()))  # type: ignore[union-attr]


def of_labelled(path: Path) -> int:
    named = NamedFiles("labelled", [str(path)], FolderParams(path=str(path.parent)))
    return max(len(each.text) for each in labelled(named, LeftOut()))


def of_evaluation_set(path: Path) -> int:
    return max(len(text) for item in read_evaluation_set(path).items for text in item.texts)


@pytest.mark.parametrize("limit_before", [100, 2**31 - 1])
@pytest.mark.parametrize(
    ("read", "name"),
    [
        (of_folder, "x.csv"),
        (of_labelled, "x.csv"),
        (of_labelled, "x.tsv"),
        (of_evaluation_set, "x.csv"),
        (of_evaluation_set, "x.tsv"),
    ],
)
def test_cell_of_200_000_characters(
    tmp_path: Path, name: str, read: Callable[[Path], int], limit_before: int
) -> None:
    text = f'text,label\n{ROWS}"{LONG}",pos\n'
    if name == "x.tsv":
        text = text.replace('"', "").replace(",", "\t")
    (tmp_path / name).write_text(text)
    csv.field_size_limit(limit_before)  # what another reader may have left
    assert read(tmp_path / name) == pytest.approx(len(LONG), abs=1)  # stripped by some


def test_cell_longer_than_a_document_may_be_is_named_though_each_of_its_lines_is_short(
    tmp_path: Path,
) -> None:
    (tmp_path / "x.csv").write_text("text\n" + "good\n" * 30 + '"' + "short\n" * 300 + '"\n')
    csv.field_size_limit(2**31 - 1)
    left_out = LeftOut()
    params = FolderParams(path=str(tmp_path), max_document_bytes=1_000, max_broken_share=1)
    found = list(folder(params, left_out))
    assert len(found) >= 30 and "is not a row" in left_out.counts
