"""Labelled texts: which column is what, and what is refused."""

from pathlib import Path

import pytest

from chatwright.errors import BadInput, BadParameter, MissingInput
from tasks.ingest.labelled import labelled
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.labelled import LabelledText
from tasks.params_ingest import FolderParams


def read(
    path: Path, left_out: LeftOut | None = None, root: Path | None = None
) -> list[LabelledText]:
    limits = FolderParams(path=str(root or path.parent))
    return list(labelled(NamedFiles("labelled", [str(path)], limits), left_out or LeftOut()))


def rows(found: list[LabelledText]) -> list[tuple[str, str | None, str | None]]:
    return [(each.text, each.text_pair, each.label) for each in found]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("SST-2.tsv", 'sentence\tlabel\nit \'s "fun\t1\nbleak\t0\n', [('it \'s "fun', None, "1"), ("bleak", None, "0")]),
        ("QNLI.tsv", "index\tquestion\tsentence\tlabel\n0\tWho?\tHe.\tentailment\n", [("Who?", "He.", "entailment")]),
        ("MRPC.txt", "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t5\t6\tOne\tTwo\n", [("One", "Two", "1")]),
        ("CoLA.tsv", "gj04\t1\t\tBill broke it.\ngj04\t0\t*\tThe car honked.\n", [("Bill broke it.", None, "1"), ("The car honked.", None, "0")]),
        ("RTE-test.tsv", "index\tsentence1\tsentence2\n0\tA\tB\n", [("A", "B", None)]),
        ("AFQMC.txt", "花呗在哪\t怎么提额\t0\n可以吗\t行不行\t1\n不能\t不可以\t1\n能\t行\t0\n", [("花呗在哪", "怎么提额", "0"), ("可以吗", "行不行", "1"), ("不能", "不可以", "1"), ("能", "行", "0")]),
        ("sts.csv", "A man.,A person.,4.75\nA dog.,A cat.,1.2\n", [("A man.", "A person.", "4.75"), ("A dog.", "A cat.", "1.2")]),
        ("hotel.csv", 'label,review\n1,"如果是""蔡陆线""的话,会麻烦"\n0,差\n', [('如果是"蔡陆线"的话,会麻烦', None, "1"), ("差", None, "0")]),
        ("tnews.json", '{"label": 115, "sentence": "薯"}\n{"label": 102, "sentence": "兵"}\n', [("薯", None, "115"), ("兵", None, "102")]),
    ],
)  # fmt: skip
def test_columns_are_told_by_name_or_content(
    tmp_path: Path, name: str, content: str, expected: list[tuple[str, str | None, str | None]]
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    left_out = LeftOut()
    assert rows(read(tmp_path / name, left_out)) == expected
    assert not left_out.counts


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("dev.tsv", "validation"),
        ("x-test.tsv", "test"),
        ("train.tsv", "train"),
        ("latest.tsv", None),
    ],
)
def test_split_is_told_by_the_name(tmp_path: Path, name: str, split: str | None) -> None:
    (tmp_path / name).write_text("text\tlabel\nA\t1\n")
    assert [each.split for each in read(tmp_path / name)] == [split]


@pytest.mark.parametrize(
    "content",
    ["item,price\napple,1\nbanana,2\n", "one\ntwo\nthree\n", "", "a\tb\nc\td\ne\tf\n"],
)
def test_unknown_table_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    if "price" in content:  # of one text and a number: a label, for all that can be told
        content = "item,price,colour,shop\napple,1,red,a\nbanana,2,yellow,b\n"
        (tmp_path / "t.csv").write_text(content)
    with pytest.raises(BadInput, match=r"^t\.csv: is in no shape known here: its first row is"):
        read(tmp_path / "t.csv")


def test_broken_rows_are_counted_and_too_many_are_an_error(tmp_path: Path) -> None:
    good = "".join(f"text {n}\t1\n" for n in range(40))
    (tmp_path / "t.tsv").write_text(f"sentence\tlabel\n{good}cut off\nbad\t1\tmore\n\t1\n")
    left_out = LeftOut()
    assert len(read(tmp_path / "t.tsv", left_out)) == 40
    reason = "has more or fewer cells than the first row"
    assert left_out.counts == {reason: 2, "record with an empty text": 1}
    assert f"t.tsv:41: {reason} (1, not 2)" in left_out.named
    (tmp_path / "t.tsv").write_text("sentence\tlabel\nA\t1\ncut off\n")
    with pytest.raises(BadInput, match=r"t\.tsv: 1 of 2 records are broken.*t\.tsv:2, has more"):
        read(tmp_path / "t.tsv")


def test_quotes_inside_quotes_are_not_guessed_at(tmp_path: Path) -> None:
    good = "".join(f'"text, {n}",1\n' for n in range(40))
    (tmp_path / "t.csv").write_text(f'review,label\n{good}"he said "hi", then left",1\n"fine",0\n')
    left_out = LeftOut()
    found = read(tmp_path / "t.csv", left_out)
    assert rows(found)[-1] == ("fine", None, "0") and len(found) == 41
    assert left_out.counts == {"is not a row": 1} and left_out.named[0].startswith(
        "t.csv:41: is not a row"
    )


def test_files_are_named_inside_the_folder_and_there(tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match=r"ingest\.labelled\.paths: names no file"):
        list(labelled(NamedFiles("labelled", [], FolderParams(path=str(tmp_path))), LeftOut()))
    with pytest.raises(
        MissingInput, match=r"ingest\.labelled\.paths, .*none\.tsv: there is no such"
    ):
        read(tmp_path / "none.tsv")
    (tmp_path / "a.tsv").write_text("text\tlabel\nA\t1\n")
    (tmp_path / "in").mkdir()
    with pytest.raises(BadParameter, match=r"stands outside .*in, so that a change"):
        read(tmp_path / "a.tsv", root=tmp_path / "in")


# Rows as SOURCES.md and the sets' own papers give them, headers taken off.
@pytest.mark.parametrize(
    ("name", "number", "labels"),
    [
        ("glue/CoLA/dev.tsv", 1043, {"0", "1"}),
        ("glue/CoLA/test.tsv", 1063, {None}),
        ("glue/MRPC/msr_paraphrase_train.txt", 4076, {"0", "1"}),
        ("glue/QNLI/dev.tsv", 5463, {"entailment", "not_entailment"}),
        ("glue/RTE/dev.tsv", 277, {"entailment", "not_entailment"}),
        ("glue/SST-2/dev.tsv", 872, {"0", "1"}),
        ("glue/STS-B/dev.tsv", 1500, None),
        ("glue/WNLI/val.tsv", 117, {"0", "1"}),
        ("glue/stsb-zh-dev.csv", 1500, None),
        ("zh/AFQMC-dev.txt", 4316, {"0", "1"}),
        ("zh/ChnSentiCorp-dev.tsv", 1200, {"positive", "negative"}),
        ("zh/ChnSentiCorp_htl_all.csv.gz", 7765, {"0", "1"}),  # of 7,766 one is empty
        ("zh/THUCNews-titles-dev.txt", 10_000, set("0123456789")),
        ("zh/fewclue/eprstmt_test_public.json", 610, {"Positive", "Negative"}),
    ],
)
def test_real_sets(test_data: Path, name: str, number: int, labels: set[str | None] | None) -> None:
    found = read(test_data / name)
    assert len(found) == number
    assert labels is None or {each.label for each in found} == labels
    # A word or two say little of their language.
    expected = {"zh", "en"} if "zh" in name else {"en"}
    assert sum(each.lang in expected for each in found) > 0.97 * number


@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_blank_lines_before_the_header_are_passed_over(tmp_path: Path, name: str) -> None:
    text = "\n\ntext,label\nGood.,1\n"
    (tmp_path / name).write_text(text if name == "t.csv" else text.replace(",", "\t"))
    found = read(tmp_path / name)
    assert [(each.id, each.text, each.label) for each in found] == [
        (f"labelled/{name}#1", "Good.", "1")
    ]


def test_files_of_other_formats_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# GLUE\n\nWhat it is.\n")
    (tmp_path / "LICENSE").write_text("Free.\n")
    (tmp_path / "t.csv").write_text("text,label\nGood.,1\n")
    left_out = LeftOut()
    assert rows(read(tmp_path, left_out, tmp_path)) == [("Good.", None, "1")]
    assert left_out.counts == {
        "not a format that is read (.md)": 1,
        "not a format that is read (no ending)": 1,
    }
