"""Clean documents, drop what is unwanted, there twice or evaluated on, and split the rest for good.

Which split a document is in depends on nothing but its own words: a hash of them is compared
with the shares. So no document ever moves when others come or go, and what is there twice cannot
be in two splits. Of equal documents the one with the lowest id stays. The steps are in
``dropping.py``.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from chatwright.errors import CorpusTooSmall
from tasks.documents import DOCUMENT_SCHEMA, read_table, write_table
from tasks.ingest.language import primary
from tasks.params import PreprocessParams
from tasks.preprocess.augmentation import AugmentReport
from tasks.preprocess.cleaning import content_hash
from tasks.preprocess.decontamination import Decontamination, EvaluationSetReport
from tasks.preprocess.dropping import Documents, kind
from tasks.preprocess.evaluation_sets import read_evaluation_set
from tasks.preprocess.forms import Form
from tasks.preprocess.quality.classifier import ClassifierReport, learnt
from tasks.preprocess.quality.judgement import judged
from tasks.preprocess.quality.samples import read_samples
from tasks.preprocess.splits import SPLITS, splits_of
from tasks.progress import Progress, silent

PROGRESS_DOCUMENTS = 2_000


class PreprocessReport(BaseModel):
    """What is in each split, and what was dropped, by reason, and by source and reason.

    Languages are counted by their primary codes: ``zh`` for ``zh-TW`` and ``ZH``.
    ``personal_data`` counts what was replaced, by source, language and kind, in titles and texts,
    those of dropped documents included. ``repeated_paragraphs`` counts those taken out of
    documents, whatever became of these. ``stand_ins`` are documents of a corpus so small that none
    fell into their split by itself. ``corpus_sha256`` is a hash of all ids and texts that
    stayed, in the order of the ids. ``augmented`` tells of the copies of labelled texts.
    """

    documents: dict[str, int]
    characters: dict[str, int]
    bytes: dict[str, int]
    languages: dict[str, int]
    rejected: dict[str, int]
    rejected_by_source: dict[str, dict[str, int]]
    personal_data: dict[str, dict[str, dict[str, int]]]
    repeated_paragraphs: int
    stand_ins: int
    classifier: ClassifierReport | None
    evaluation_sets: dict[str, EvaluationSetReport]
    corpus_sha256: str
    augmented: AugmentReport | None = None


def preprocess(
    raw: Path,
    out: Path,
    rejected: Path,
    params: PreprocessParams,
    *,
    progress: Progress = silent,
) -> PreprocessReport:
    """Turn raw documents into the splits ``train``, ``validation`` and ``test`` below ``out``.

    Args:
        raw: a folder of documents, as ``ingest`` writes it.
        out: the folder for the splits.
        rejected: the folder for what was dropped, with the column ``reason``.
        params: the form of the texts, what is asked of a document, and the shares of the splits.

    Raises:
        CorpusTooSmall: a split has no document.
        BadInput, MissingInput: the raw documents or an evaluation set cannot be read, or a package
            is missing that ``params`` asks for.
    """
    form = Form(params)
    evaluation_sets = [
        read_evaluation_set(Path(name)).in_forms(form.of_evaluation)
        for name in params.decontaminate
    ]
    classifier, samples = None, None
    if params.classifier is not None:
        good, bad = read_samples(params.classifier.good), read_samples(params.classifier.bad)
        classifier, samples = learnt(good, bad)
    table = read_table(raw, DOCUMENT_SCHEMA).sort_by("id") if any_parquet(raw) else None
    if table is None or not table.num_rows:
        raise CorpusTooSmall(
            "preprocess", "there is no document", "Put files into the folder of ingest.folder.path"
        )
    titles, texts, reasons, hashes, earlier = [], [], [], [], []
    columns = [table[name].to_pylist() for name in ("title", "text", "lang", "source")]
    for number, (title, text, lang, source) in enumerate(zip(*columns, strict=True)):
        if number % PROGRESS_DOCUMENTS == 0:
            progress(number, table.num_rows, "documents")
        titles.append(" ".join(form.of(title, lang=lang, source=source).text.split()))
        formed = form.of(text, lang=lang, source=source)
        stays, reason = worth(formed.text, primary(lang), params)
        texts.append(stays)
        earlier.append(formed.earlier if stays == formed.text else (formed.text, *formed.earlier))
        reasons.append(reason)
        hashes.append(content_hash(stays))
    progress(table.num_rows, table.num_rows, "documents")
    table = table.set_column(3, DOCUMENT_SCHEMA.field("title"), pa.array(titles, pa.string()))

    documents = Documents(table["id"].to_pylist(), texts, hashes, reasons, earlier)
    if classifier is not None and params.classifier is not None:
        documents.drop_unlike(classifier, params.classifier.min_score)
    documents.drop_equal()
    evaluated = documents.drop_evaluated(Decontamination(evaluation_sets))
    repeated = 0
    if params.duplicate_paragraphs:
        repeated = documents.drop_repeated_paragraphs(params.min_characters)
    if params.near_duplicates is not None:
        documents.drop_near_duplicates(params.near_duplicates)

    table = table.set_column(
        4, DOCUMENT_SCHEMA.field("text"), pa.array(documents.texts, pa.string())
    )
    reasons = documents.reasons
    kept = pa.array([reason is None for reason in reasons])
    dropped = table.filter(pc.invert(kept)).append_column(
        pa.field("reason", pa.string(), nullable=False),
        pa.array([reason for reason in reasons if reason], pa.string()),
    )
    write_table(dropped, rejected, shard_rows=params.shard_documents)

    staying = documents.staying()
    splits, stand_ins = splits_of([hashes[place] for place in staying], params)
    places = np.full(table.num_rows, "", object)
    places[staying] = splits
    report = PreprocessReport(
        documents={},
        characters={},
        bytes={},
        languages=count(map(primary, table.filter(kept)["lang"].to_pylist())),
        rejected=count(map(kind, dropped["reason"].to_pylist())),
        rejected_by_source={
            source: count(
                map(kind, dropped.filter(pc.equal(dropped["source"], source))["reason"].to_pylist())
            )
            for source in count(dropped["source"].to_pylist())
        },
        personal_data=form.replaced,
        repeated_paragraphs=repeated,
        stand_ins=stand_ins,
        classifier=samples,
        evaluation_sets=evaluated,
        corpus_sha256=corpus_hash(table.filter(kept)),
    )
    for split in SPLITS:
        part = table.filter(pa.array(places == split))
        share = {"validation": params.validation_share, "test": params.test_share}.get(split)
        if not part.num_rows and share != 0:
            raise CorpusTooSmall(
                f"preprocess, {split}",
                f"the documents that are left, {len(staying)}, are too few for all splits",
                "Add text"
                + (f", or set preprocess.{split}_share to 0" if share else "")
                + (
                    f"; {dropped.num_rows} were rejected, see data/rejected"
                    if dropped.num_rows
                    else ""
                ),
            )
        write_table(part, out / split, shard_rows=params.shard_documents)
        report.documents[split] = part.num_rows
        report.characters[split] = pc.sum(pc.utf8_length(part["text"])).as_py() or 0
        report.bytes[split] = pc.sum(pc.binary_length(part["text"])).as_py() or 0
    return report


def any_parquet(folder: Path) -> bool:
    """Whether a folder that is there holds documents; one that is not there is left to fail."""
    return not folder.is_dir() or any(folder.rglob("*.parquet"))


def worth(text: str, lang: str, params: PreprocessParams) -> tuple[str, str | None]:
    """What stays of a clean text in itself, and why it goes; None where it stays."""
    if not text:
        return text, "empty"
    if len(text) < params.min_characters:
        return text, "too short"
    if params.languages is not None and lang not in params.languages:
        return text, f"language {lang}"
    stays, reason = judged(text, lang, params)
    if reason is None and len(stays) < params.min_characters:
        return text, "too short without the lines that filters took out"
    return stays, reason


def corpus_hash(table: pa.Table) -> str:
    """The SHA-256 of a corpus: ids and texts, in the order of the ids."""
    digest = hashlib.sha256()
    for name, text in zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def count(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, sorted by value."""
    return dict(sorted(Counter(values).items()))
