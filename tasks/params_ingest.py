"""What ``ingest`` may be told, a section a source; see ``ingest`` in params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tasks.params_huggingface import DatasetParams
from tasks.params_section import PositiveInt, Section, Share
from tasks.params_web import WebParams


class PythonDocsParams(Section):
    """The source ``python-docs``: the standard library's own documentation."""

    limit: PositiveInt | None = None


class DialoguesParams(Section):
    """The source ``dialogues``: small talk from the package chatterbot-corpus."""

    languages: list[Literal["english", "chinese"]] = ["english", "chinese"]
    without: list[str] = ["gossip", "politics", "psychology"]


def _here(path: str) -> str:
    if "://" in path:
        raise ValueError(
            "it stands elsewhere, where DVC cannot watch it; name it in ingest.folder.addresses,"
            " and here a folder of this machine, which may be empty"
        )
    return path


def _elsewhere(address: str) -> str:
    if "://" not in address:
        raise ValueError("it is no address; what stands here belongs in the folder")
    return address


class FolderParams(Section):
    """The source ``folder``: the user's own files."""

    path: Annotated[str, AfterValidator(_here)] = "corpus"
    addresses: list[Annotated[str, AfterValidator(_elsewhere)]] = []
    max_broken_share: Share = 0.05
    max_document_bytes: Annotated[int, Field(ge=1_000, le=2**31 - 1)] = 40_000_000
    max_expansion: Annotated[float, Field(ge=1)] = 200

    def limits(self) -> dict[str, Any]:
        """What decides how a file in the folder is read: all but where it stands."""
        return self.model_dump(mode="json", exclude={"path", "addresses"})


class NamedFilesParams(Section):
    """A source that reads the files it is told to: ``chat``, ``labelled``, and so on."""

    paths: list[str] = []


class IngestParams(Section):
    """Which texts go in."""

    sources: list[
        Literal[
            "python-docs",
            "dialogues",
            "folder",
            "huggingface",
            "chat",
            "labelled",
            "questions",
            "web",
            "wikipedia",
            "commoncrawl",
        ]
    ] = Field(min_length=1)
    python_docs: PythonDocsParams
    dialogues: DialoguesParams
    folder: FolderParams
    chat: NamedFilesParams = NamedFilesParams()
    labelled: NamedFilesParams = NamedFilesParams()
    questions: NamedFilesParams = NamedFilesParams()
    commoncrawl: NamedFilesParams = NamedFilesParams()
    huggingface: list[DatasetParams] = []
    web: WebParams = WebParams()
    wikipedia: NamedFilesParams = NamedFilesParams()
    shard_documents: PositiveInt = 50_000
