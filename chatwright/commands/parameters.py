"""Parameters changed from the command line: ``--preset NAME`` and ``--set KEY=VALUE``.

They are written into params.yaml, comments and order kept: what stands there is what was built,
``dvc status`` is clean afterwards and ``dvc params diff`` shows the change. Nothing is written
unless all of it is right.
"""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from chatwright.errors import BadParameter
from chatwright.whole_file import write_whole
from tasks.named_in_params import check_named
from tasks.params import Params, check_params, known_keys, leaves, load_params, nearest_key

PARAMS = Path("params.yaml")
PRESETS = Path("presets")


def apply_choices(preset: str | None, settings: list[str]) -> list[str]:
    """Overlay a preset, then single settings, on params.yaml.

    Returns:
        One line for each value that has changed.

    Raises:
        BadParameter: an unknown preset or key, a value that cannot be used.
        MissingInput: a value names a file or folder that is not there.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000
    yaml.representer.add_representer(type(None), spelled_out_null)
    tree, changes = _overlaid(yaml, preset, settings)
    if changes:
        text = io.StringIO()
        yaml.dump(tree, text)
        write_whole(PARAMS, text.getvalue())
    return changes


def chosen_params(preset: str | None, settings: list[str]) -> Params:
    """What params.yaml would hold after ``apply_choices``; nothing is written.

    Raises:
        BadParameter: an unknown preset or key, a value that cannot be used.
        MissingInput: a value names a file or folder that is not there.
    """
    return check_params(_overlaid(YAML(typ="safe"), preset, settings)[0])


def _overlaid(yaml: YAML, preset: str | None, settings: list[str]) -> tuple[Any, list[str]]:
    """The changed and checked tree of params.yaml, and a line for each change."""
    load_params(PARAMS)
    tree = yaml.load(PARAMS.read_text(encoding="utf-8"))
    changes = []
    choices = [*(preset_choices(preset) if preset else []), *map(setting, settings)]
    for key, value in choices:
        *sections, last = key.split(".")
        section = tree
        for name in sections:
            section = section[name]
        if section.get(last) != value:
            changes.append(f"{key}: {section.get(last)} → {value}")
            section[last] = value
    check_named(check_params(tree))
    return tree, changes


def spelled_out_null(representer: RoundTripRepresenter, _: None) -> ScalarNode:
    """``null`` as it stands in the file; ruamel.yaml would leave the value empty."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def preset_choices(name: str) -> list[tuple[str, Any]]:
    """The dotted keys and values of a preset.

    Raises:
        BadParameter: there is no such preset, or it sets a key that does not exist.
    """
    path = PRESETS / f"{name}.yaml"
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in PRESETS.glob("*.yaml"))) or "none"
        raise BadParameter(f"--preset {name}", f"there is no {path}", f"There are: {there}")
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise BadParameter(
            str(path), f"is not valid YAML: {' '.join(str(error).split())}"
        ) from None
    return [(checked_key(key, str(path)), value) for key, value in leaves(tree or {})]


def setting(text: str) -> tuple[str, Any]:
    """The key and value of ``KEY=VALUE``; the value is read as YAML.

    Raises:
        BadParameter: there is no ``=``, no such key, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise BadParameter(f"--set {text}", "has no value", f"Write: --set {key}=VALUE")
    try:
        return checked_key(key.strip(), "--set"), YAML(typ="safe").load(value)
    except YAMLError:
        raise BadParameter(f"--set {key}", f"{value!r} is not a value", "Quote it") from None


def checked_key(key: str, where: str) -> str:
    """The key itself, if params.yaml has it.

    Raises:
        BadParameter: it has not; the nearest one is named.
    """
    if key not in known_keys():
        raise BadParameter(where, f"there is no parameter {key}", nearest_key(key))
    return key
