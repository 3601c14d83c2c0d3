"""Parameters changed from the command line: ``--preset NAME`` and ``--set KEY=VALUE``.

They are written into params.yaml, all else there left alone: what stands there is what was built,
``dvc status`` is clean afterwards and ``dvc params diff`` shows the change. Nothing is written
unless all of it is right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from chatwright.commands.yaml_text import in_one_line, with_value
from chatwright.errors import BadParameter
from chatwright.whole_file import write_whole
from tasks.named_in_params import check_named
from tasks.params import (
    Params,
    check_params,
    known_keys,
    leaves,
    load_params,
    nearest_key,
    yaml_mistake,
)
from tasks.params_mistakes import SEE_COMMENT

PARAMS = Path("params.yaml")
PRESETS = Path("presets")


def apply_choices(
    preset: str | None,
    settings: list[str],
    check: Callable[[Params], None] = lambda params: None,
) -> list[str]:
    """Overlay a preset, then single settings, on params.yaml.

    Args:
        check: called with all parameters as they would be; what it raises keeps them unchanged.

    Returns:
        One line for each value that has changed.

    Raises:
        BadParameter: an unknown preset or key, a value that cannot be used.
        MissingInput: a value names a file or folder that is not there.
    """
    changed = _overlaid(preset, settings)
    check(changed.params)
    if changed.lines:
        write_whole(PARAMS, changed.text())
    return changed.lines


def chosen_params(preset: str | None, settings: list[str]) -> Params:
    """What params.yaml would hold after ``apply_choices``; nothing is written.

    Raises:
        BadParameter: an unknown preset or key, a value that cannot be used.
        MissingInput: a value names a file or folder that is not there.
    """
    return _overlaid(preset, settings).params


@dataclass(frozen=True)
class Changed:
    """params.yaml as it would be, checked."""

    params: Params
    tree: dict[str, Any]
    before: str
    values: list[tuple[str, Any]]
    lines: list[str]

    def text(self) -> str:
        """What the file would hold: what is not changed stands as it stood.

        Raises:
            BadParameter: the file uses YAML (an anchor, a merge) in which the change has no place.
        """
        text = self.before
        try:
            for key, value in self.values:
                text = with_value(text, key, value)
            as_wanted = YAML(typ="safe").load(text) == self.tree
        except YAMLError:
            as_wanted = False
        if not as_wanted:
            keys = ", ".join(key for key, _ in self.values)
            raise BadParameter(
                str(PARAMS), f"{keys} cannot be set from here, as it is written", "Edit the file"
            )
        return text


def _overlaid(preset: str | None, settings: list[str]) -> Changed:
    load_params(PARAMS)
    before = PARAMS.read_bytes().decode("utf-8")  # as text, its line ends would all become \n
    tree = YAML(typ="safe").load(before)
    values, lines = [], []
    of_preset = [] if preset is None else preset_choices(preset)
    set_here = [setting(each) for each in settings]
    given = {key: f"{preset_file(preset or '')}, {key}" for key, _ in of_preset}
    given |= {key: f"--set {key}" for key, _ in set_here}
    for key, value in [*of_preset, *set_here]:
        section, name, value = _in_tree(tree, key.split("."), value)
        key = ".".join(name)
        before_it = section.get(name[-1])
        section[name[-1]] = value  # and checked also if it is equal: to Python, true is 1
        if before_it != value:
            lines.append(f"{key}: {in_one_line(before_it)} → {in_one_line(value)}")
            values.append((key, value))
    params = check_params(tree, given=given)
    check_named(params)
    return Changed(params, tree, before, values, lines)


def _in_tree(
    tree: dict[str, Any], key: list[str], value: Any
) -> tuple[dict[str, Any], list[str], Any]:
    """Where a value is to be put: the section that is there, the key in it, and the value there.

    A section that is null, or absent, is set as a whole: ``augment.copies`` to 2 is ``augment`` to
    ``{copies: 2}``.
    """
    section = tree
    for depth, name in enumerate(key[:-1], start=1):
        if not isinstance(section.get(name), dict):
            for inner in reversed(key[depth:]):
                value = {inner: value}
            return section, key[:depth], value
        section = section[name]
    return section, key, value


def preset_choices(name: str) -> list[tuple[str, Any]]:
    """The dotted keys and values of a preset.

    Raises:
        BadParameter: there is no such preset, or it sets a key that does not exist.
    """
    path = preset_file(name)
    there = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    if name not in there:
        is_path = Path(name).name != name or name.endswith(".yaml")
        what = f"is a path; a preset is a name, of a file in {PRESETS}/" if is_path else ""
        raise BadParameter(
            f"--preset {name}",
            what or f"there is no {path}",
            f"There are: {', '.join(there) or 'none'}",
        )
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise BadParameter(str(path), f"is not valid YAML: {yaml_mistake(error)}") from None
    return [(checked_key(key, str(path)), value) for key, value in leaves(tree or {})]


def preset_file(name: str) -> Path:
    """Where a preset stands."""
    return PRESETS / f"{name}.yaml"


def setting(text: str) -> tuple[str, Any]:
    """The key and value of ``KEY=VALUE``; the value is read as YAML.

    Raises:
        BadParameter: there is no key, none of that name, no value, or it is not YAML.
    """
    key, _, written = (part.strip() for part in text.partition("="))
    if not key:
        raise BadParameter(f"--set {text}", "names no parameter", "Write: --set KEY=VALUE")
    if not written:
        raise BadParameter(
            f"--set {key}", "has no value", f"Write: --set {key}=VALUE, where null is one, too"
        )
    checked_key(key, "--set")
    try:
        value = YAML(typ="safe").load(written)
    except YAMLError as error:
        what = yaml_mistake(error).removeprefix("line 1: ")
        is_unfinished = written[0] in "[{\"'"
        raise BadParameter(
            f"--set {key}",
            f"{written!r} is not a value: {what}",
            SEE_COMMENT if is_unfinished else f"""Quote it: --set '{key}="{written}"'""",
        ) from None
    if isinstance(value, float) and value.is_integer() and "." not in written:
        value = int(value)  # 1e6
    return key, value


def checked_key(key: str, where: str) -> str:
    """The key itself, if params.yaml has it.

    Raises:
        BadParameter: it has not; the nearest one is named.
    """
    if key not in known_keys():
        raise BadParameter(where, f"there is no parameter {key}", nearest_key(key))
    return key
