"""The page itself: documents, bytes and tokens by what they are; what was removed, where and why.

One pass over ``data/clean`` and one over ``data/rejected``; what earlier steps left out or
replaced stands in the reports of ``ingest`` and ``preprocess``.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from chatwright.errors import MissingInput
from tasks.corpus_folder import Folder, here
from tasks.corpus_page.reservoir import Reservoir
from tasks.corpus_page.tokens import TokenCounter
from tasks.preprocess.dropping import NAMING

SPLITS = ("train", "validation", "test")
UNSAID = "not said"
TITLES_A_REASON = 3
# 1, 2, 5, 10, 20, 50 and so on to a hundred million characters; what is longer joins the last bin.
EDGES = [step * 10**power for power in range(9) for step in (1, 2, 5)]
_KIND = f"^({'|'.join(map(re.escape, NAMING))}): .*"


class Amount(BaseModel):
    """So much text. ``tokens`` is None where there is no tokenizer yet."""

    documents: int = 0
    bytes: int = 0
    tokens: int | None = None


class Removed(BaseModel):
    """What went for one reason: documents by source, and the titles of a few."""

    reason: str
    documents: int
    bytes: int
    by_source: dict[str, int]
    titles: list[str]


class Lengths(BaseModel):
    """How many documents have ``edges[n]`` or more characters and fewer than ``edges[n + 1]``."""

    edges: list[int]
    kept: list[int]
    rejected: list[int]


class CorpusPage(BaseModel):
    """All of it but the samples.

    ``tokens_exact``: whether every document's tokens were counted, or every n-th's. ``raw`` counts
    the documents as they came; None where data/raw is not here. ``left_out`` are things that no
    document was made of, by source and reason. ``replaced`` counts personal data by kind.
    """

    total: Amount
    splits: dict[str, Amount]
    sources: dict[str, Amount]
    languages: dict[str, Amount]
    licences: dict[str, Amount]
    tokens_exact: bool
    raw: int | None
    removed: list[Removed]
    left_out: dict[str, dict[str, int]]
    replaced: dict[str, int]
    repeated_paragraphs: int
    conversations: dict[str, int]
    lengths: Lengths


def corpus_page(
    clean: Folder,
    rejected: Folder,
    raw: Folder | None,
    *,
    tokenizer: Path | None = None,
    ingested: Mapping[str, Any] | None = None,
    preprocessed: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> CorpusPage:
    """Read a corpus and say what is in it.

    Args:
        clean: the splits, as ``preprocess`` writes them.
        rejected: what it dropped.
        raw: what it was made of, if that is here.
        tokenizer: the folder of a tokenizer, to count tokens with.
        ingested: the report of ``ingest``, if it is here.
        preprocessed: the report of ``preprocess``, if it is here.
        seed: decides which titles are shown of what was removed.

    Raises:
        MissingInput: there is no corpus yet.
        BadInput: a file of it cannot be read; it is named.
    """
    clean.must_be_there()
    counter = None
    if tokenizer is not None:
        texts_bytes = (preprocessed or {}).get("bytes", {})
        counter = TokenCounter(tokenizer, sum(texts_bytes.values()))
    kept_lengths = np.zeros(len(EDGES), np.int64)
    parts = []
    for split in SPLITS:
        for table in clean.below(split).batches(["source", "lang", "license", "text"]):
            kept_lengths += _lengths(table["text"])
            parts.append(_summed(table, split, counter))
    kept = pa.concat_tables(parts) if parts else None
    if kept is None or not kept.num_rows:
        raise MissingInput(clean.where, "there is no document in it", "Run: chatwright run")
    removed, dropped_lengths = _removed(rejected, seed)
    return CorpusPage(
        total=_amount(kept, counter),
        splits=_by(kept, "split", counter),
        sources=_by(kept, "source", counter),
        languages=_by(kept, "lang", counter),
        licences=_by(kept, "license", counter),
        tokens_exact=counter is None or counter.step == 1,
        raw=raw.rows() if raw is not None and raw.files() else None,
        removed=removed,
        left_out={k: v for k, v in (ingested or {}).get("left_out", {}).items() if v},
        conversations={k: n for k, n in (ingested or {}).get("dialogues", {}).items() if n},
        replaced=_kinds_of_data((preprocessed or {}).get("personal_data", {})),
        repeated_paragraphs=(preprocessed or {}).get("repeated_paragraphs", 0),
        lengths=_lengths_shown(kept_lengths, dropped_lengths),
    )


def page_of_this_folder(*, seed: int = 0) -> CorpusPage:
    """The page of the project in the current folder; errors as ``corpus_page``."""
    tokenizer = Path("artifacts/tokenizer")
    return corpus_page(
        here("data/clean"),
        here("data/rejected"),
        here("data/raw"),
        tokenizer=tokenizer if (tokenizer / "tokenizer.json").exists() else None,
        ingested=_report("ingest"),
        preprocessed=_report("preprocess"),
        seed=seed,
    )


def kinds(reasons: pa.ChunkedArray) -> pa.ChunkedArray:
    """``tasks.preprocess.dropping.kind`` of a whole column of reasons."""
    return pc.replace_substring_regex(reasons, pattern=f"(?s){_KIND}", replacement=r"\1")


def _report(stage: str) -> dict[str, Any] | None:
    path = Path("reports") / f"{stage}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _summed(table: pa.Table, split: str, counter: TokenCounter | None) -> pa.Table:
    """A row for each source, language and licence of a batch, with its sums."""
    texts = table["text"]
    sizes = pc.cast(pc.binary_length(texts), pa.int64())
    tokens = np.zeros(len(table), np.int64)
    counted = np.zeros(len(table), np.int64)
    if counter is not None:
        places, numbers = counter.counted(texts)
        tokens[places] = numbers
        counted[places] = sizes.to_numpy()[places]
    keys = ["split", "source", "lang", "license"]
    wide = pa.table(
        {
            "split": pa.array([split] * len(table), pa.string()),
            "source": table["source"],
            "lang": table["lang"],
            "license": pc.fill_null(table["license"], UNSAID),
            "bytes": sizes,
            "tokens": tokens,
            "counted": counted,
        }
    )
    return _grouped(wide.append_column("documents", pa.array(np.ones(len(table), np.int64))), keys)


def _grouped(table: pa.Table, keys: list[str]) -> pa.Table:
    names = ["documents", "bytes", "tokens", "counted"]
    grouped = table.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in names])
    return grouped.select([*keys, *(f"{name}_sum" for name in names)]).rename_columns(
        [*keys, *names]
    )


def _by(kept: pa.Table, key: str, counter: TokenCounter | None) -> dict[str, Amount]:
    """Amounts by a column, the most bytes first (splits in their own order)."""
    overall = _tokens_a_byte(kept)
    rows = _grouped(kept, [key]).to_pylist()
    if key == "split":
        rows.sort(key=lambda row: SPLITS.index(row["split"]))
    else:
        rows.sort(key=lambda row: (-row["bytes"], row[key]))
    return {row[key]: _of_sums(row, overall, counter) for row in rows}


def _amount(kept: pa.Table, counter: TokenCounter | None) -> Amount:
    sums = {name: pc.sum(kept[name]).as_py() for name in kept.column_names[4:]}
    return _of_sums(sums, _tokens_a_byte(kept), counter)


def _tokens_a_byte(kept: pa.Table) -> float:
    return (pc.sum(kept["tokens"]).as_py() or 0) / (pc.sum(kept["counted"]).as_py() or 1)


def _of_sums(row: Mapping[str, Any], overall: float, counter: TokenCounter | None) -> Amount:
    """Tokens are scaled up where not every document was counted."""
    tokens = None
    if counter is not None:
        a_byte = row["tokens"] / row["counted"] if row["counted"] else overall
        tokens = row["tokens"] if counter.step == 1 else round(a_byte * row["bytes"])
    return Amount(documents=row["documents"], bytes=row["bytes"], tokens=tokens)


def _removed(rejected: Folder, seed: int) -> tuple[list[Removed], np.ndarray]:
    """What was dropped, by reason, the most first; and the lengths of it."""
    titles: dict[str, Reservoir] = {}
    lengths = np.zeros(len(EDGES), np.int64)
    parts = []
    random = np.random.default_rng(seed)
    for table in rejected.batches(["source", "title", "text", "reason"]):
        lengths += _lengths(table["text"])
        reasons = kinds(table["reason"])
        sizes = pc.cast(pc.binary_length(table["text"]), pa.int64())
        wide = pa.table({"reason": reasons, "source": table["source"], "bytes": sizes})
        parts.append(wide.group_by(["reason", "source"], use_threads=False).aggregate(
            [("bytes", "count"), ("bytes", "sum")]
        ))  # fmt: skip
        order = random.random(len(table))
        for reason in reasons.unique().to_pylist():
            places = pc.indices_nonzero(pc.equal(reasons, reason)).to_numpy()
            kept = titles.setdefault(reason, Reservoir(TITLES_A_REASON))
            kept.offer(order[places], table["title"].take(places))
    found: dict[str, Removed] = {}
    for row in (pa.concat_tables(parts) if parts else pa.table({})).to_pylist():
        reason = row["reason"]
        one = found.setdefault(
            reason, Removed(reason=reason, documents=0, bytes=0, by_source={}, titles=[])
        )
        one.documents += row["bytes_count"]
        one.bytes += row["bytes_sum"]
        one.by_source[row["source"]] = one.by_source.get(row["source"], 0) + row["bytes_count"]
    for reason, one in found.items():
        one.by_source = dict(sorted(one.by_source.items(), key=lambda item: (-item[1], item[0])))
        one.titles = titles[reason].values()
    return sorted(found.values(), key=lambda one: (-one.documents, one.reason)), lengths


def _lengths(texts: pa.ChunkedArray) -> np.ndarray:
    """How many of the texts are in each bin; an empty one is in the first."""
    bins = np.searchsorted(EDGES, pc.utf8_length(texts).to_numpy(), side="right") - 1
    return np.bincount(np.maximum(bins, 0), minlength=len(EDGES))


def _lengths_shown(kept: np.ndarray, rejected: np.ndarray) -> Lengths:
    """Without the empty bins at both ends."""
    used = np.flatnonzero(kept + rejected)
    first, last = used[0], used[-1]
    return Lengths(
        edges=[*EDGES, EDGES[-1] * 2][first : last + 2],
        kept=kept[first : last + 1].tolist(),
        rejected=rejected[first : last + 1].tolist(),
    )


def _kinds_of_data(counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for by_language in counts.values():
        for by_kind in by_language.values():
            for kind, count in by_kind.items():
                totals[kind] = totals.get(kind, 0) + count
    return dict(sorted(totals.items()))
