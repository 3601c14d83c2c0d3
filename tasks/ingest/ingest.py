"""Gather the texts: every source's documents and conversations, as they come.

A source is a function that takes its section of params.yaml and a ``LeftOut``, and yields
documents, dialogues, labelled texts or questions; what it cannot use it counts by reason. Another
source is another entry in ``SOURCES``.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, Field

from chatwright.errors import CorpusTooSmall
from tasks.documents import DIALOGUE_SCHEMA, DOCUMENT_SCHEMA, Dialogue, Document
from tasks.ingest.chat import chat
from tasks.ingest.commoncrawl import commoncrawl
from tasks.ingest.dialogues import dialogues
from tasks.ingest.elsewhere import files_elsewhere
from tasks.ingest.folder import folder
from tasks.ingest.gathered import Gathered
from tasks.ingest.huggingface import check_datasets, files_of_datasets, huggingface
from tasks.ingest.kept_reading import KeptReading
from tasks.ingest.labelled import labelled
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.parsing_version import parsing_version
from tasks.ingest.python_docs import python_docs
from tasks.ingest.questions import questions
from tasks.ingest.remote import RemoteFile
from tasks.ingest.source_files import Content, Found, Reading, read_anew
from tasks.ingest.web import check_names_a_page, web
from tasks.ingest.wikipedia import wikipedia
from tasks.kept_shards import KeptShards
from tasks.labelled import QUESTION_SCHEMA, TEXT_SCHEMA, LabelledText, Question
from tasks.outlined_shards import OutlinedShards
from tasks.params_executor import ExecutorParams
from tasks.params_ingest import IngestParams
from tasks.placing import remove
from tasks.progress import Progress, silent
from tasks.sorted_shards import SortedShards

MOST_REASONS = 3  # in one sentence

FILE_SOURCES = ("chat", "commoncrawl", "labelled", "questions", "wikipedia")
"""They read the files that ``ingest.<source>.paths`` names."""

READERS_OF_FILES = (*FILE_SOURCES, "folder", "huggingface")
"""What they find in files is kept from run to run."""

SHARDS = "shards.json"
"""The list of what was written of it, beside the sources' folders."""


@dataclass(frozen=True)
class _Asked:
    """What the sources are told to read; of a listing elsewhere a server is asked once."""

    params: IngestParams

    @cached_property
    def named(self) -> dict[str, NamedFiles]:
        """By source, of ``FILE_SOURCES``."""
        params, allow_private = self.params, self.params.web.allow_private
        return {
            source: NamedFiles(source, getattr(params, source).paths, params.folder, allow_private)
            for source in FILE_SOURCES
            if source in params.sources
        }

    def files_of_other_sources(self) -> list[Path]:
        """What sources name, which ``folder`` leaves to them; a wrong name is an error."""
        named = [path for each in self.named.values() for path in each.found()]
        is_asked = "huggingface" in self.params.sources
        return named + files_of_datasets(self.params) if is_asked else named

    @cached_property
    def rest_elsewhere(self) -> list[RemoteFile]:
        """The files of ``ingest.folder.addresses`` that no other source's ``paths`` name."""
        addresses, key = self.params.folder.addresses, "ingest.folder.addresses"
        found = files_elsewhere(addresses, key, allow_private=self.params.web.allow_private)
        others = {file for each in self.named.values() for file in each.elsewhere}
        return [file for file in found if file not in others]


def _rest_of_the_folder(
    asked: _Asked,
    left_out: LeftOut,
    *,
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Content]:
    return folder(
        asked.params.folder,
        left_out,
        without=asked.files_of_other_sources(),
        elsewhere=asked.rest_elsewhere,
        progress=progress,
        reading=reading,
    )


Source = Callable[..., Iterator[Content]]
SOURCES: dict[str, tuple[Source, Callable[[_Asked], Any]]] = {
    "python-docs": (python_docs, lambda asked: asked.params.python_docs),
    "dialogues": (dialogues, lambda asked: asked.params.dialogues),
    "folder": (_rest_of_the_folder, lambda asked: asked),
    "chat": (chat, lambda asked: asked.named["chat"]),
    "labelled": (labelled, lambda asked: asked.named["labelled"]),
    "questions": (questions, lambda asked: asked.named["questions"]),
    "commoncrawl": (commoncrawl, lambda asked: asked.named["commoncrawl"]),
    "huggingface": (huggingface, lambda asked: asked.params),
    "web": (web, lambda asked: asked.params),
    "wikipedia": (wikipedia, lambda asked: asked.named["wikipedia"]),
}


class IngestReport(BaseModel):
    """What came in, by source, and what did not, by source and reason.

    ``named`` are some of the things left out, each with its file and line: at least one for each
    source and reason; ``firsts`` are those of them that the log names, one for each.
    ``versions`` says of what stands elsewhere which version was read. ``files_anew`` and
    ``files_kept`` are of this run alone, the files that it read and those of which an earlier one
    had kept what they hold; so they do not stand in the report's file, which is the same for the
    same corpus.
    """

    documents: dict[str, int]
    dialogues: dict[str, int]
    labelled: dict[str, int]
    characters: dict[str, int]
    bytes: dict[str, int]
    left_out: dict[str, dict[str, int]]
    named: list[str]
    firsts: list[str] = Field(default=[], exclude=True)
    versions: dict[str, str] = {}
    files_anew: dict[str, int] = Field(default={}, exclude=True)
    files_kept: dict[str, int] = Field(default={}, exclude=True)


def ingest(
    params: IngestParams,
    raw: Path,
    dialogues_out: Path,
    labelled_out: Path,
    *,
    progress: Progress = silent,
    kept: Path | None = None,
    before: Path | None = None,
    executor: ExecutorParams | None = None,
) -> IngestReport:
    """Read every source named in the parameters and write what they hold.

    Args:
        params: the sources and their choices.
        raw: the folder for documents; gets a folder a source.
        dialogues_out: the folder for the dialogues of all sources.
        labelled_out: the folder for the labelled texts and questions of all sources.
        progress: called with the files done of the source at work.
        kept: the folder for what files gave, from which it is taken as long as they are the same
            and read in the same way; None keeps nothing. The result is the same.
        before: where ``raw`` will stand in the end, and the last run's does; None: where it is.
        executor: where files are read, if what they give is kept; None: as by default.

    Raises:
        CorpusTooSmall: no source holds any text.
        BadInput, MissingInput: a source cannot be read; see the sources.
    """
    report = IngestReport(
        documents={}, dialogues={}, labelled={}, characters={}, bytes={}, left_out={}, named=[]
    )
    # Before any data is read.
    asked = _Asked(params)
    for each in asked.named.values():
        each.check()
    if "folder" in params.sources:
        _ = asked.rest_elsewhere
    if "web" in params.sources:
        check_names_a_page(params.web)
    if "huggingface" in params.sources:
        check_datasets(params)
    raw.mkdir(parents=True, exist_ok=True)
    version = parsing_version()
    readings = {
        name: KeptReading(kept / name, version, executor or ExecutorParams())
        for name in sorted({*params.sources} & {*READERS_OF_FILES})
        if kept is not None
    }
    kept_shards = None if kept is None else KeptShards(kept / SHARDS, {raw: before or raw})
    with contextlib.ExitStack() as stack:

        def shards(folder: Path, schema: pa.Schema) -> SortedShards:
            return stack.enter_context(
                SortedShards(folder, schema, shard_rows=params.shard_documents)
            )

        def documents(source: str) -> SortedShards | OutlinedShards:
            if kept_shards is None or source not in readings:
                return shards(raw / source, DOCUMENT_SCHEMA)
            return stack.enter_context(
                OutlinedShards(raw / source, shard_rows=params.shard_documents, kept=kept_shards)
            )

        of_all_sources: dict[type[Found], SortedShards] = {
            Dialogue: shards(dialogues_out, DIALOGUE_SCHEMA),
            LabelledText: shards(labelled_out / "texts", TEXT_SCHEMA),
            Question: shards(labelled_out / "questions", QUESTION_SCHEMA),
        }
        for name in sorted(set(params.sources)):
            source, section = SOURCES[name]
            left_out = LeftOut()
            gathered = Gathered(of_all_sources, partial(documents, name))
            reading = {"reading": readings[name]} if name in readings else {}
            for found in source(section(asked), left_out, progress=progress, **reading):
                gathered.add(found)
            count = gathered.count
            report.documents[name] = count[Document]
            report.dialogues[name] = count[Dialogue]
            if labelled := count[LabelledText] + count[Question]:
                report.labelled[name] = labelled
            report.characters[name] = gathered.characters
            report.bytes[name] = gathered.bytes
            report.left_out[name] = dict(sorted(left_out.counts.items()))
            report.versions |= left_out.versions
            report.named += [f"{name}: {each}" for each in left_out.named]
            report.firsts += [f"{name}: {each}" for each in left_out.firsts]
        if not any(report.documents.values()) and not any(report.dialogues.values()):
            raise CorpusTooSmall(
                "ingest.sources",
                f"no text in any of: {', '.join(sorted(set(params.sources)))}{_left_out(report)}",
                "Put files into the folder, or add python-docs to the sources in params.yaml",
            )
    for name, of_source in readings.items():
        of_source.clean()
        report.files_anew[name], report.files_kept[name] = of_source.anew, of_source.kept
    if kept is not None and kept_shards is not None:
        kept_shards.save()
        for path in kept.glob("*"):
            if path.name not in {SHARDS, *readings}:
                remove(path)
    return report


def _left_out(report: IngestReport) -> str:
    """What did not come in, for a sentence; nothing where nothing was there."""
    reasons = Counter[str]()
    for of_source in report.left_out.values():
        reasons.update(of_source)
    some = [f"{number}: {reason}" for reason, number in reasons.most_common(MOST_REASONS)]
    named = [f"as {report.named[0]}"] if report.named else []
    return f" (left out {'; '.join(some + named)})" if some else ""
