"""The layer ``formed``: titles and texts in their form, and the forms that texts had before.

What was replaced of personal data stands beside them, by kind, where anything was.
"""

import json
from collections import Counter

import pyarrow as pa

from tasks.ingest.language import primary
from tasks.preprocess.forms import Form

SCHEMA = pa.schema(
    [
        pa.field("title", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("earlier", pa.list_(pa.string()), nullable=False),
        pa.field("replaced", pa.string()),
    ]
)


def formed(raw: pa.Table, form: Form) -> pa.Table:
    """Documents (``title``, ``text``, ``lang``, ``source``) in their form."""
    columns = [raw[name].to_pylist() for name in ("title", "text", "lang")]
    titles, texts, earlier, replaced = [], [], [], []
    for title, text, lang in zip(*columns, strict=True):
        head, body = form.of(title, lang=lang), form.of(text, lang=lang)
        titles.append(" ".join(head.text.split()))
        texts.append(body.text)
        earlier.append(list(body.earlier))
        counts = head.replaced + body.replaced
        replaced.append(json.dumps(counts, sort_keys=True) if counts else None)
    came = {name: raw[name] for name in ("lang", "source")}
    made = {"title": titles, "text": texts, "earlier": earlier, "replaced": replaced}
    return pa.table({name: {**came, **made}[name] for name in SCHEMA.names}, SCHEMA)


def replaced_in(layer: pa.Table) -> Counter[tuple[str, str, str]]:
    """How much personal data was replaced: by source, language and kind.

    Args:
        layer: ``source``, ``lang`` and ``replaced``.
    """
    total: Counter[tuple[str, str, str]] = Counter()
    for row in layer.filter(layer["replaced"].is_valid()).to_pylist():
        for kind, number in json.loads(row["replaced"]).items():
            total[row["source"], primary(row["lang"]), kind] += number
    return total
