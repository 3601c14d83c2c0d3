"""``chatwright corpus``: what is in the corpus, what was removed and why, a few texts."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tasks.corpus_folder import here
from tasks.corpus_page.page import Amount, CorpusPage, page_of_this_folder
from tasks.corpus_page.samples import BeforeAfter, Dropped, Line, before_and_after, dropped
from tasks.corpus_page.words import length_name, size_text, what_changed

BAR_CELLS = 40
COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")


def corpus(*, reason: str | None, samples: int, seed: int, as_json: bool) -> None:
    """Print the page of the corpus in the current folder; with a reason, what was dropped for it.

    Raises:
        MissingInput: there is no corpus yet.
        BadInput: nothing was dropped for this reason, or a file cannot be read.
    """
    console = Console(highlight=False)
    here("data/clean").must_be_there()
    if reason is not None:
        found = dropped(here("data/rejected"), reason, samples=samples, seed=seed)
        if as_json:
            print_json([one.model_dump() for one in found])
        else:
            print_dropped(console, found)
        return
    page = page_of_this_folder(seed=seed)
    shown = before_and_after(here("data/raw"), here("data/clean"), samples=samples, seed=seed)
    if as_json:
        print_json({**page.model_dump(), "samples": [one.model_dump() for one in shown]})
    else:
        print_page(console, page)
        print_samples(console, shown)


def print_json(value: object) -> None:
    """For machines: unwrapped, and in plain characters whatever the terminal's encoding."""
    import json

    print(json.dumps(value, indent=2))


def print_page(console: Console, page: CorpusPage) -> None:
    """All but the samples."""
    console.print(amounts_table(page))
    console.print(account(page), soft_wrap=True)
    console.print()
    print_removed(console, page)
    console.print("[bold]Length in characters[/bold]: kept █, removed ░")
    most = max(a + b for a, b in zip(page.lengths.kept, page.lengths.rejected, strict=True))
    names = [length_name(page.lengths, place) for place in range(len(page.lengths.kept))]
    width = max(map(len, names))
    for name, kept, gone in zip(names, page.lengths.kept, page.lengths.rejected, strict=True):
        bar = "█" * cells(kept, most) + "░" * cells(gone, most)
        counts = f"{kept:,}" + (f" + {gone:,}" if gone else "")
        console.print(f"  {name:>{width}}  {bar} {counts}", soft_wrap=True)
    console.print()


def amounts_table(page: CorpusPage) -> Table:
    """Documents, bytes and tokens by source, language, licence and split."""
    table = Table(title="The corpus", title_justify="left")
    table.add_column("")
    for heading in ("documents", "bytes", "tokens" if page.tokens_exact else "tokens, about"):
        table.add_column(heading, justify="right")
    groups: tuple[tuple[str, Mapping[str, Amount]], ...] = (
        ("source", page.sources),
        ("language", page.languages),
        ("licence", page.licences),
        ("split", page.splits),
    )
    table.add_row("all", *amount_cells(page.total))
    for name, amounts in groups:
        table.add_section()
        table.add_row(f"[bold]{name}[/bold]")
        for key, amount in amounts.items():
            table.add_row(f"  {escape(key)}", *amount_cells(amount))
    return table


def amount_cells(amount: Amount) -> tuple[str, str, str]:
    """The cells of a row."""
    tokens = "-" if amount.tokens is None else f"{amount.tokens:,}"
    return f"{amount.documents:,}", size_text(amount.bytes), tokens


def account(page: CorpusPage) -> str:
    """Whether every document that came in is accounted for."""
    gone = sum(one.documents for one in page.removed)
    kept = page.total.documents
    lines = []
    if page.raw is None:
        lines.append(f"{kept:,} kept, {gone:,} removed; data/raw is not here.")
    elif page.raw == kept + gone:
        lines.append(f"{page.raw:,} came in = {kept:,} kept + {gone:,} removed.")
    else:
        lines.append(
            f"{page.raw:,} came in, but {kept:,} kept + {gone:,} removed are {kept + gone:,}: "
            "data/raw and data/clean are not of the same build. Run: chatwright run."
        )
    if page.conversations:
        said = sum(page.conversations.values())
        lines.append(f"Besides, {said:,} conversations (data/dialogues).")
    if page.total.tokens is None:
        lines.append("Tokens are counted once there is a tokenizer.")
    return " ".join(lines)


def print_removed(console: Console, page: CorpusPage) -> None:
    """A bar a reason, with a piece a source; the titles of a few; what earlier steps left out."""
    if not page.removed:
        console.print("[bold]Removed[/bold]: nothing")
    else:
        totals: dict[str, int] = {}
        for one in page.removed:
            for source, count in one.by_source.items():
                totals[source] = totals.get(source, 0) + count
        sources = sorted(totals, key=lambda source: (-totals[source], source))
        colour = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(sources)}
        console.print("[bold]Removed[/bold], by reason and source")
        most = max(one.documents for one in page.removed)
        width = max(len(one.reason) for one in page.removed)
        for one in page.removed:
            pieces = "".join(
                f"[{colour[source]}]{'█' * cells(count, most)}[/]"
                for source, count in one.by_source.items()
            )
            counts = ", ".join(f"{escape(name)} {n:,}" for name, n in one.by_source.items())
            console.print(
                f"  {escape(one.reason):<{width}}  {pieces} {one.documents:,} ({counts})",
                soft_wrap=True,
            )
            titles = "; ".join(escape(title) for title in one.titles)
            console.print(f"  {'':<{width}}  [dim]{titles}[/dim]", soft_wrap=True)
        console.print('  Look at some:  chatwright corpus --reason "REASON"')
    for source, reasons in page.left_out.items():
        counts = ", ".join(f"{escape(reason)} {count:,}" for reason, count in reasons.items())
        console.print(f"Left out while reading {escape(source)}: {counts}", soft_wrap=True)
    if page.replaced:
        counts = ", ".join(f"{kind} {count:,}" for kind, count in page.replaced.items())
        console.print(f"Personal data replaced: {counts}")
    if page.repeated_paragraphs:
        console.print(f"Paragraphs taken out that stood before: {page.repeated_paragraphs:,}")
    console.print()


def cells(count: int, most: int) -> int:
    """How long a bar is; what is there at all shows."""
    return max(1, round(BAR_CELLS * count / most)) if count else 0


def print_samples(console: Console, samples: Sequence[BeforeAfter]) -> None:
    """Documents as they came and as they are."""
    console.print("[bold]Before and after[/bold], at random")
    for one in samples:
        console.print(
            f"  [bold]{escape(one.id)}[/bold]  {escape(what_changed(one))}", soft_wrap=True
        )
        print_lines(console, one.lines, one.more)
        if not one.lines:
            console.print(f"    [dim]{escape(one.excerpt)}[/dim]", soft_wrap=True)


def print_lines(console: Console, lines: Sequence[Line], more: int) -> None:
    """Lines that differ."""
    for line in lines:
        colour = "red" if line.sign == "-" else "green"
        console.print(
            f"    [{colour}]{line.sign}{line.number:>4}  {escape(line.text)}[/]", soft_wrap=True
        )
    if more:
        console.print(f"    [dim]and {more:,} more lines[/dim]")


def print_dropped(console: Console, found: Sequence[Dropped]) -> None:
    """Documents that were dropped."""
    for one in found:
        console.print(
            f"[bold]{escape(one.id)}[/bold]  {escape(one.title)}\n"
            f"  {escape(one.reason)}; {one.characters:,} characters",
            soft_wrap=True,
        )
        console.print(f"  [dim]{escape(one.excerpt)}[/dim]", soft_wrap=True)
