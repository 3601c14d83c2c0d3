"""Presets: each is a right set of choices, and `laptop` brings the defaults back."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tasks.params import check_params, leaves

ROOT = Path(__file__).resolve().parents[2]
PRESETS = sorted((ROOT / "presets").glob("*.yaml"))


def read(path: Path) -> dict:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_gives_right_parameters(path: Path) -> None:
    tree = read(ROOT / "params.yaml")
    for key, value in leaves(read(path)):
        *sections, last = key.split(".")
        section = tree
        for name in sections:
            section = section[name]
        assert last in section, f"{key} does not stand in params.yaml"
        section[last] = value
    check_params(tree)


def test_laptop_takes_back_whatever_another_preset_has_set() -> None:
    defaults = dict(leaves(read(ROOT / "params.yaml")))
    laptop = dict(leaves(read(ROOT / "presets" / "laptop.yaml")))
    assert laptop == {key: defaults[key] for key in laptop}
    set_by_others = {key for path in PRESETS for key, _ in leaves(read(path))}
    assert set_by_others <= set(laptop)
