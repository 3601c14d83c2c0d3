"""Which of a data set's Parquet files belong to which configuration and split.

The card says so (``configs`` in the metadata of README.md), else the paths of the files do, in
the ways that are usual on the hub: ``data/train-00000-of-00002.parquet``,
``de/test-00000-of-00001.parquet``, ``de/train/0000.parquet`` (what the hub has converted),
``validation.parquet``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from fsspec.utils import glob_translate

from chatwright.errors import BadInput, MissingInput
from tasks.ingest.named_files import split_of

DEFAULT = "default"
CARD = "README.md"
HIDDEN = ("", ".", "_")
"""So a folder or file begins that is none of the data's; or has no name (``a//b``)."""

NUMBERED = re.compile(r"(\w[\w.-]*)-[0-9]{5}-of-[0-9]{5}(-[0-9a-f]+)?")
CONVERTED = re.compile(r"[0-9]{4,5}")
PARTIAL = "partial-"
"""Of large data sets the hub converts the beginning, into a folder named so."""

MOST_NAMED = 12

Layout = dict[tuple[str, str], list[str]]
"""By configuration and split the paths of its files, in order."""


def layout(paths: Iterable[str], card: Mapping[str, Any], where: str = CARD) -> Layout:
    """The Parquet files of a data set by configuration and split.

    Args:
        paths: all of its files, relative to its root.
        card: the metadata of its card; may be empty.
        where: the card, for the sentence of an error.

    Raises:
        BadInput: the card names its configurations or their files in no way that is known.
    """
    tables = sorted(
        path
        for path in paths
        if path.endswith(".parquet") and not any(part[:1] in HIDDEN for part in path.split("/"))
    )
    found: Layout = {}
    configs = _configs(card, where)
    for config in configs:
        name = str(config.get("config_name") or DEFAULT)
        for split, path in _named_by(config, tables, where):
            found.setdefault((name, split), []).append(path)
    if not configs:
        for path in tables:
            found.setdefault(place(path), []).append(path)
    return {key: sorted(set(files)) for key, files in found.items()}


def _configs(card: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """The configurations that a card names; raises ``BadInput`` where they are no list of them."""
    configs = card.get("configs") or []
    if not isinstance(configs, list) or not all(isinstance(each, Mapping) for each in configs):
        raise _strange(where, f"configs is {configs!r:.60}")
    return configs


def _strange(where: str, what: str) -> BadInput:
    return BadInput(where, f"cannot be understood: {what}", "Mend it, or name another revision")


def _form(pattern: str, where: str) -> re.Pattern[str]:
    """What the paths match that a pattern in a card means."""
    try:
        return re.compile(glob_translate(pattern))
    except (ValueError, re.error):  # the first is fsspec's, of ** inside a name
        raise _strange(where, f"data_files names {pattern!r:.60}") from None


def _named_by(
    config: Mapping[str, Any], tables: list[str], where: str
) -> Iterator[tuple[str, str]]:
    """The files that a configuration in a card names, each with its split."""
    folder = str(config.get("data_dir") or "").removeprefix("./").strip("/")
    prefix = f"{folder}/" if folder else ""
    named = config.get("data_files")
    if named is None:
        for path in tables:
            if path.startswith(prefix):
                yield place(path.removeprefix(prefix))[1], path
        return
    if isinstance(named, Mapping):
        named = [{"split": split, "path": path} for split, path in named.items()]
    for each in named if isinstance(named, list) else [named]:
        has_split = isinstance(each, Mapping)
        split = str(each.get("split") or "train") if has_split else "train"
        patterns = each.get("path") if has_split else each
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            if not isinstance(pattern, str):
                raise _strange(where, f"data_files names {pattern!r:.60}")
            form = _form(prefix + pattern.removeprefix("./"), where)
            for path in tables:
                if form.match(path):
                    yield split, path


def place(path: str) -> tuple[str, str]:
    """The configuration and the split that a file's path tells.

    >>> place("data/train-00000-of-00002.parquet"), place("de/test-00000-of-00001.parquet")
    (('default', 'train'), ('de', 'test'))
    >>> place("de/partial-train/0000.parquet"), place("dev.parquet"), place("data/a.parquet")
    (('de', 'train'), ('default', 'validation'), ('default', 'train'))
    """
    *folders, name = path.split("/")
    stem = PurePosixPath(name).stem
    if folders[:1] == ["data"]:
        folders = folders[1:]
    elif CONVERTED.fullmatch(stem) and len(folders) == 2:
        return folders[0], folders[1].removeprefix(PARTIAL)
    if numbered := NUMBERED.fullmatch(stem):
        split: str | None = numbered[1]
    elif (split := split_of(name)) is None and folders:
        split = split_of(folders[-1])
        folders = folders[:-1] if split else folders
    return "/".join(folders) or DEFAULT, split or "train"


def chosen(
    found: Layout, config: str | None, split: str, card: Mapping[str, Any], where: str
) -> tuple[str, list[str]]:
    """The configuration and the files that the user means.

    Args:
        found: what there is.
        config: the configuration named, None for the only one, or the default.
        split: the split named.
        card: the metadata of the card, which may mark a default.
        where: the data set, for the sentence of an error.

    Raises:
        MissingInput: there is no such configuration or split, or more than one to choose from.
    """
    configs = sorted({name for name, _ in found})
    if config is None:
        marked = [
            str(each.get("config_name"))
            for each in _configs(card, where)
            if each.get("default") is True
        ]
        usual = [
            name for name in (*marked, DEFAULT, *configs[: len(configs) == 1]) if name in configs
        ]
        if not usual:
            raise MissingInput(
                where, "has several configurations", f"Name one as config: {_some(configs)}"
            )
        config = usual[0]
    if config not in configs:
        raise MissingInput(where, f"has no configuration {config}", f"There are: {_some(configs)}")
    splits = sorted(each for name, each in found if name == config)
    if split not in splits:
        of = "" if config == DEFAULT else f" in the configuration {config}"
        raise MissingInput(where, f"has no split {split}{of}", f"There are: {_some(splits)}")
    return config, found[config, split]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
