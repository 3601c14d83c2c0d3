"""Clean documents, drop what is unwanted, there twice or evaluated on, and split the rest for good.

Which split a document is in depends on nothing but its own words: a hash of them is compared
with the shares. So no document ever moves when others come or go, and what is there twice cannot
be in two splits. Of equal documents the one with the lowest id stays.

What one document decides is done chunk by chunk (``layers/``), by as many processes as there are,
and kept from run to run; what several decide, on a few numbers of each (``dropping.py``). Texts are
never all in memory.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from chatwright.errors import CorpusTooSmall
from tasks.executor import workers
from tasks.kept_results import KeptResults
from tasks.kept_shards import KeptShards
from tasks.params import PreprocessParams
from tasks.params_executor import ExecutorParams
from tasks.placing import remove
from tasks.preprocess.augmentation import AugmentReport
from tasks.preprocess.chunk_work import ChunkWork, WorkDone
from tasks.preprocess.decontamination import Decontamination, EvaluationSetReport
from tasks.preprocess.dropping import OF_EARLIER, Documents, Why
from tasks.preprocess.earlier_corpora import earlier_corpus
from tasks.preprocess.earlier_texts import EarlierTexts
from tasks.preprocess.evaluation_sets import read_evaluation_set
from tasks.preprocess.finished_documents import FinishedDocuments
from tasks.preprocess.forms import Form
from tasks.preprocess.layers.fingerprints import Fingerprints
from tasks.preprocess.layers.work import Rules, work
from tasks.preprocess.quality.classifier import ClassifierReport, learnt
from tasks.preprocess.quality.samples import read_samples
from tasks.preprocess.raw_documents import sorted_files
from tasks.preprocess.splits import SPLITS, splits_of
from tasks.preprocess.writing import kinds_of_reasons, write_corpus
from tasks.program import program
from tasks.progress import Progress, silent
from tasks.row_tables import without_pandas

ONE_PROCESS = ExecutorParams(workers=1)
SHARDS = "shards.json"
"""The list of those that the last run wrote, beside the results of chunks."""


class EarlierReport(BaseModel):
    """An earlier corpus: the commit, where it is a revision; a hash of its shards; how many
    documents it has; and how many new ones went since it holds the same, or almost the same."""

    commit: str | None
    content: str
    documents: int
    equal: int
    near: int


class PreprocessReport(BaseModel):
    """What is in each split, and what was dropped, by reason, and by source and reason.

    Languages are counted by their primary codes: ``zh`` for ``zh-TW`` and ``ZH``.
    ``personal_data`` counts what was replaced, by source, language and kind, in titles and texts,
    those of dropped documents included. ``repeated_paragraphs`` counts those taken out of
    documents, whatever became of these. ``stand_ins`` are documents of a corpus so small that none
    fell into their split by itself. ``corpus_sha256`` is a hash of the hashes of all ids and texts
    that stayed, in the order of the ids. ``augmented`` tells of the copies of labelled texts.
    ``earlier_corpora`` are there where some are named. ``work`` says what of it was done by this
    run; it is not written, since it is not about the result.
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
    earlier_corpora: dict[str, EarlierReport] = Field({}, exclude_if=lambda found: not found)
    work: WorkDone = Field(WorkDone(), exclude=True)


def preprocess(
    raw: Path,
    out: Path,
    rejected: Path,
    params: PreprocessParams,
    *,
    kept: Path | None = None,
    before: tuple[Path, Path] | None = None,
    executor: ExecutorParams = ONE_PROCESS,
    progress: Progress = silent,
) -> PreprocessReport:
    """Turn raw documents into the splits ``train``, ``validation`` and ``test`` below ``out``.

    Args:
        raw: a folder of documents, as ``ingest`` writes it.
        out: the folder for the splits.
        rejected: the folder for what was dropped, with the column ``reason``.
        params: the form of the texts, what is asked of a document, and the shares of the splits.
        kept: a folder for results of chunks, which spare the next run the work on those that are
            the same; None: they are gone when this run is over.
        before: where ``out`` and ``rejected`` will stand in the end, and those of the last run do;
            None: where they are.
        executor: who does the work; the results are the same.
        progress: how far it is.

    Raises:
        CorpusTooSmall: a split has no document.
        BadInput, MissingInput: the raw documents, an evaluation set or an earlier corpus cannot be
            read, or a package is missing that ``params`` asks for.
        BadParameter: an earlier corpus is what this reads or writes.
        WorkerDied, ServiceUnavailable: those who do the work are gone.
    """
    form = Form(params)
    corpora = [earlier_corpus(name) for name in dict.fromkeys(params.earlier_corpora)]
    evaluation_sets = [
        read_evaluation_set(Path(name)).in_forms(form.of_evaluation)
        for name in params.decontaminate
    ]
    classifier, learning = None, None
    if params.classifier is not None:
        good, bad = read_samples(params.classifier.good), read_samples(params.classifier.bad)
        classifier, learning = learnt(good, bad)
    prints = Fingerprints(
        params,
        classifier=None if classifier is None else classifier.content(),
        evaluation=json.dumps(evaluation_sets).encode() if evaluation_sets else None,
    )
    with folder_aside(kept, out) as aside:
        files = sorted_files(raw, aside / "sorted")
        rows, text_bytes = amount(files)
        if not rows:
            raise CorpusTooSmall(
                "preprocess",
                "there is no document",
                "Put files into the folder of ingest.folder.path",
            )
        results = KeptResults(kept or aside / "kept")
        earlier = EarlierTexts(corpora, results, params)
        rules = Rules(params, classifier, evaluation_sets, prints.name, program(work.__module__))
        size = text_bytes + earlier.text_bytes
        with workers(executor, text_bytes=size, begin=without_pandas) as there:
            chunks = ChunkWork(rules, prints, results, there)
            chunks.make_first(files, progress, rows)
            earlier.make(there, progress)
            documents = Documents(chunks, earlier)
            if params.classifier is not None:
                documents.drop_unlike(params.classifier.min_score)
            documents.drop_held()
            documents.drop_equal()
            cost = documents.drop_evaluated() if evaluation_sets else {}
            repeated = 0
            if params.duplicate_paragraphs:
                repeated = documents.drop_repeated_paragraphs(params.min_characters)
            if params.near_duplicates is not None:
                documents.drop_near_duplicates(params.near_duplicates, aside)
        splits, stand_ins = splits_of(documents.digests[documents.staying()], params)
        of_earlier = [_earlier_report(earlier, documents, place) for place in range(len(corpora))]
        check_splits(splits, chunks, documents, params)
        finished = FinishedDocuments(files, chunks, documents)
        places = dict(zip((out, rejected), before or (out, rejected), strict=True))
        shards = KeptShards((kept or aside / "kept") / SHARDS, places)
        written = write_corpus(finished, chunks, documents, splits, out, rejected, params, shards)
        replaced = chunks.replaced()
        results.forget_old_ones()
        shards.save()
    kinds: Counter[str] = Counter()
    for (_, why), number in written.rejected.items():
        kinds[why] += number
    return PreprocessReport(
        documents={split: written.documents[split] for split in SPLITS},
        characters={split: written.characters[split] for split in SPLITS},
        bytes={split: written.bytes[split] for split in SPLITS},
        languages=dict(sorted(written.languages.items())),
        rejected=dict(sorted(kinds.items())),
        rejected_by_source=tree(written.rejected),
        personal_data=tree(replaced),
        repeated_paragraphs=repeated,
        stand_ins=stand_ins,
        classifier=learning,
        evaluation_sets=Decontamination(evaluation_sets).report(cost),
        corpus_sha256=written.corpus_sha256,
        earlier_corpora={
            corpus.name: each for corpus, each in zip(corpora, of_earlier, strict=True)
        },
        work=chunks.done,
    )


def _earlier_report(earlier: EarlierTexts, documents: Documents, place: int) -> EarlierReport:
    why = documents.why[documents.holders == place]
    near = int((why == Why.NEAR_EARLIER).sum())
    return EarlierReport(
        commit=earlier.corpora[place].commit,
        content=earlier.content(place),
        documents=earlier.documents(place),
        equal=len(why) - near,
        near=near,
    )


@contextmanager
def folder_aside(kept: Path | None, out: Path) -> Iterator[Path]:
    """A folder for what only this run needs; what a killed one left there is removed."""
    if kept is None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".preprocess-", dir=out.parent) as name:
            yield Path(name)
        return
    folder = kept / "aside"
    remove(folder)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def amount(files: Sequence[Path]) -> tuple[int, int]:
    """How many documents the files hold, and how many bytes they are, unpacked."""
    rows = size = 0
    for path in files:
        of_file = pq.read_metadata(path)
        rows += of_file.num_rows
        groups = (of_file.row_group(number) for number in range(of_file.num_row_groups))
        size += sum(group.total_byte_size for group in groups)
    return rows, size


def check_splits(
    splits: NDArray[np.int8], chunks: ChunkWork, documents: Documents, params: PreprocessParams
) -> None:
    """Refuse a corpus of which some split would be empty.

    Args:
        splits: of the documents that are left.
        chunks, documents: all of them.
        params: the shares.
    """
    sizes = np.bincount(splits, minlength=len(SPLITS))
    shares = {"validation": params.validation_share, "test": params.test_share}
    for split, size in zip(SPLITS, sizes.tolist(), strict=True):
        share = shares.get(split)
        if size or share == 0:
            continue
        kinds = kinds_of_reasons(chunks, documents)
        reasons = ", ".join(f"{why} {number}" for why, number in kinds.most_common())
        earlier = any(why in OF_EARLIER.values() for why in kinds)
        raise CorpusTooSmall(
            f"preprocess, {split}",
            f"the documents that are left, {len(splits)} of {len(documents.why)}, are too few for"
            f" all splits" + (f"; rejected: {reasons}" if reasons else ""),
            "Add text"
            + (", or name no corpus of the same sources as an earlier one" if earlier else "")
            + (f", or set preprocess.{split}_share to 0" if share else ""),
        )


def tree(counts: Mapping[Any, int]) -> dict[str, Any]:
    """Counts by all parts of their keys but the last, level by level, sorted.

    >>> tree({("b", "x"): 1, ("a", "y"): 2, ("a", "x"): 3})
    {'a': {'x': 3, 'y': 2}, 'b': {'x': 1}}
    """
    root: dict[str, Any] = {}
    for (*path, last), number in sorted(counts.items()):
        level = root
        for part in path:
            level = level.setdefault(part, {})
        level[last] = number
    return root
