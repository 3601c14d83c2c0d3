"""The page as HTML, for the run in MLflow: complete in itself, the chart included."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from tasks.corpus_page.page import Amount, CorpusPage
from tasks.corpus_page.samples import BeforeAfter
from tasks.corpus_page.words import size_text, what_changed

STYLE = (
    "body{font:14px system-ui,sans-serif;margin:1.5em;max-width:75em}"
    "table{border-collapse:collapse;margin:.5em 0 1.5em}"
    "td,th{padding:.15em .8em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"
    "td.n{text-align:right}pre{margin:.2em 0;white-space:pre-wrap}img{max-width:100%}"
    ".gone{color:#a33}.new{color:#272}"
)
NOT_SHOWN = "Not shown here, since personal data is replaced: chatwright corpus shows them."


def page_html(page: CorpusPage, samples: Sequence[BeforeAfter], chart: Path) -> str:
    """The whole page. What texts hold is shown as text, whatever mark-up it is.

    Args:
        samples: none where texts as they came are not to be shown.
        chart: a PNG file.
    """
    picture = base64.b64encode(chart.read_bytes()).decode()
    parts = [
        f"<p>{page.total.documents:,} documents, {size_text(page.total.bytes)}</p>",
        f'<img alt="the corpus as bars" src="data:image/png;base64,{picture}">',
        *(
            f"<h2>By {name}</h2>" + _amounts(amounts)
            for name, amounts in (
                ("source", page.sources),
                ("language", page.languages),
                ("licence", page.licences),
                ("split", page.splits),
            )
        ),
        "<h2>Removed</h2>",
        _table(
            ("reason", "documents", "bytes", "by source", "for example"),
            [
                (
                    one.reason,
                    one.documents,
                    size_text(one.bytes),
                    ", ".join(f"{source} {count:,}" for source, count in one.by_source.items()),
                    "; ".join(one.titles),
                )
                for one in page.removed
            ],
        ),
        "<h2>Before and after</h2>",
        *(_sample(sample) for sample in samples),
        "" if samples else f"<p>{escape(NOT_SHOWN)}</p>",
    ]
    return (
        f'<!doctype html><meta charset="utf-8"><title>The corpus</title><style>{STYLE}</style>'
        f"<h1>The corpus</h1>{''.join(parts)}\n"
    )


def _amounts(amounts: Mapping[str, Amount]) -> str:
    rows = [(name, each.documents, size_text(each.bytes)) for name, each in amounts.items()]
    return _table(("", "documents", "bytes"), rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: str | int) -> str:
    return (
        f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{escape(value)}</td>"
    )


def _sample(sample: BeforeAfter) -> str:
    changed = "".join(
        f'<pre class="{"gone" if line.sign == "-" else "new"}">'
        f"{line.sign} {escape(line.text)}</pre>"
        for line in sample.lines
    )
    more = f"<p>and {sample.more:,} more lines</p>" if sample.more else ""
    text = changed + more or f"<p>{escape(sample.excerpt)}</p>"
    return f"<h3>{escape(sample.id)}</h3><p>{escape(what_changed(sample))}</p>{text}"
