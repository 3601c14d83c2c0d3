"""A value is changed in a YAML file, and every other character stays."""

import pytest

from chatwright.commands.yaml_text import with_value

TEXT = """\
a:
  # of list
  list:  # beside
    - x

    - y  # of y
  # of map
  map:
    p: 1
  # of none
  none:
  flow: {p: [1, 2], q: {}}  # tail
# of b
b: 1
"""


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("a.list", ["z"], "  # beside\n    - x\n\n    - y  # of y", " [z]  # beside  # of y"),
        ("a.map", {"p": [2]}, "\n    p: 1", " {p: [2]}"),
        ("a.map.p", None, "p: 1", "p: null"),
        ("a.none", 1.5, "none:", "none: 1.5"),
        ("a.flow", True, "{p: [1, 2], q: {}}", "true"),
        ("a.flow.p", [], "[1, 2]", "[]"),
        ("b", "a: b", "b: 1\n", "b: 'a: b'\n"),
        # What is not there yet.
        ("a.map.new", "x", "p: 1\n", "p: 1\n    new: x\n"),
        ("a.map.deep.new", 2, "p: 1\n", "p: 1\n    deep: {new: 2}\n"),
        ("a.flow.q.new", 2, "q: {}", "q: {new: 2}"),
        ("a.flow.new", 2, "q: {}}", "q: {}, new: 2}"),
        ("a.new", 2, "  # tail\n", "  # tail\n  new: 2\n"),
        ("c", 2, "b: 1\n", "b: 1\nc: 2\n"),
    ],
)
def test_nothing_but_the_value_changes(key: str, value: object, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert with_value(TEXT, key, value) == TEXT.replace(old, new)


def test_below_a_key_without_a_value_another_is_added() -> None:
    text = "a:\n  b:\n# end\n"
    assert with_value(text, "a.c", 1) == "a:\n  b:\n  c: 1\n# end\n"


def test_line_ends_of_windows_stay() -> None:
    text = "a:\r\n  b: 1  # why\r\n  c:\r\n    - x\r\nd: 2\r\n"
    assert with_value(text, "a.b", 3) == text.replace("1", "3")
    assert with_value(text, "a.c", []) == text.replace("\r\n    - x", " []")
    assert with_value(text, "a.e", 4) == text.replace("- x\r\n", "- x\r\n  e: 4\r\n")
