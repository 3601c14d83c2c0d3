"""The layer ``formed``: titles and texts in their form, and the forms that texts had before.

What was replaced of personal data stands in the table's metadata, by source, language and kind.
"""

import json
from collections import Counter

import pyarrow as pa

from tasks.ingest.language import primary
from tasks.preprocess.forms import Form

REPLACED = b"replaced"
SCHEMA = pa.schema(
    [
        pa.field("title", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("earlier", pa.list_(pa.string()), nullable=False),
    ]
)


def formed(raw: pa.Table, form: Form) -> pa.Table:
    """Documents (``title``, ``text``, ``lang``, ``source``) in their form."""
    columns = [raw[name].to_pylist() for name in ("title", "text", "lang", "source")]
    replaced: Counter[tuple[str, str, str]] = Counter()
    titles, texts, earlier = [], [], []
    for title, text, lang, source in zip(*columns, strict=True):
        head, body = form.of(title, lang=lang), form.of(text, lang=lang)
        titles.append(" ".join(head.text.split()))
        texts.append(body.text)
        earlier.append(list(body.earlier))
        for kind, number in (head.replaced + body.replaced).items():
            replaced[source, primary(lang), kind] += number
    counts = json.dumps([[*key, number] for key, number in sorted(replaced.items())])
    return pa.table(
        {"title": titles, "text": texts, "lang": raw["lang"], "earlier": earlier}, SCHEMA
    ).replace_schema_metadata({REPLACED: counts})


def replaced_in(layer: pa.Table) -> Counter[tuple[str, str, str]]:
    """How much personal data was replaced: by source, language and kind."""
    return Counter(
        {
            (source, lang, kind): number
            for source, lang, kind, number in json.loads(layer.schema.metadata[REPLACED])
        }
    )
