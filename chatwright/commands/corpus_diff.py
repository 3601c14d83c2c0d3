"""``chatwright corpus diff A B``: what differs between two versions of the corpus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatwright.commands.corpus import print_json, print_lines
from tasks.corpus_page.words import size_text

if TYPE_CHECKING:  # DVC takes a second to import
    from tasks.corpus_page.difference import Change, Difference, Sample


def corpus_diff(a: str, b: str, *, seed: int, as_json: bool) -> None:
    """Print it; nothing in the workspace is changed.

    Args:
        a, b: git revisions, or ``workspace``.

    Raises:
        BadInput, MissingInput: see ``tasks.corpus_versions.version``.
    """
    from tasks.corpus_page.difference import difference
    from tasks.corpus_versions import version

    found = difference(version(a), version(b), seed=seed)
    if as_json:
        print_json(found.model_dump())
        return
    _print(Console(highlight=False), found)


def _print(console: Console, found: "Difference") -> None:
    console.print(_table(found))
    if found.moved:
        console.print(
            f"[red]{found.moved:,} texts moved between splits[/red]: the same text is in another "
            "one. Were preprocess.validation_share or test_share changed?",
            soft_wrap=True,
        )
    else:
        console.print("No text moved between splits.")
    if found.changed_split:
        console.print(
            f"Of the changed documents {found.changed_split:,} are in another split now: their "
            "words decide, and these are others.",
            soft_wrap=True,
        )
    if found.removed_because:
        counts = ", ".join(f"{escape(why)} {n:,}" for why, n in found.removed_because.items())
        console.print(f"Removed because: {counts}", soft_wrap=True)
    elif found.removed_because is None and found.total.removed:
        console.print(f"Why is not known: data/rejected of {escape(found.b)} is not at hand.")
    for name, samples in (
        ("Added", found.added_samples),
        ("Removed", found.removed_samples),
        ("Moved", found.moved_samples),
    ):
        _print_samples(console, name, samples)
    if found.changed_samples:
        console.print("[bold]Changed[/bold], for example")
    for one in found.changed_samples:
        split = one.split if one.split == one.split_before else f"{one.split_before} → {one.split}"
        console.print(
            f"  [bold]{escape(one.id)}[/bold]  {escape(one.title)} ({split})", soft_wrap=True
        )
        print_lines(console, one.lines, one.more)


def _table(found: "Difference") -> Table:
    """A row for all, and for each source, split and language: documents, below them bytes."""
    table = Table(
        title=f"The corpus, from {escape(found.a)} to {escape(found.b)}", title_justify="left"
    )
    # In 80 columns there is room for documents by the million: a long name is broken, no figure.
    table.add_column("", overflow="fold")
    for heading in ("before", "added", "removed", "changed", "after"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("all", *_cells(found.total))
    for name, changes in (
        ("source", found.sources),
        ("split", found.splits),
        ("language", found.languages),
    ):
        table.add_section()
        table.add_row(f"[bold]{name}[/bold]")
        for key, change in changes.items():
            table.add_row(f"  {escape(key)}", *_cells(change))
    return table


def _cells(change: "Change") -> list[str]:
    counts = (change.added, change.removed, change.changed)
    signs = ("+", "-", "~")
    return [
        f"{change.documents_before:,}\n{size_text(change.bytes_before)}",
        *(f"{sign}{n:,}" if n else "0" for sign, n in zip(signs, counts, strict=True)),
        f"{change.documents_after:,}\n{size_text(change.bytes_after)}",
    ]


def _print_samples(console: Console, name: str, samples: "Sequence[Sample]") -> None:
    if samples:
        console.print(f"[bold]{name}[/bold], for example")
    for one in samples:
        console.print(
            f"  [bold]{escape(one.id)}[/bold]  {escape(one.title)} ({one.split})", soft_wrap=True
        )
