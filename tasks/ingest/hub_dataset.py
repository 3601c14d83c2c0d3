"""A data set on Hugging Face's hub, or in a folder laid out like one: its files and its card.

Of the hub is asked which commit a revision is, and which files it has, before any data is read; the
files are then read at that commit. A data set that is not in Parquet is read from the copy that the
hub has converted, in the branch refs/convert/parquet.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from chatwright.errors import (
    BadInput,
    BadParameter,
    ChatwrightError,
    MissingInput,
    ServiceUnavailable,
)
from tasks.ingest.dataset_layout import PARTIAL, chosen, layout
from tasks.ingest.remote import CONNECT_SECONDS, TRIES, fetched, glanced_at, remote_files
from tasks.params_huggingface import DatasetParams
from tasks.progress import Progress

if TYPE_CHECKING:
    from huggingface_hub.hf_api import DatasetInfo

KEY = "ingest.huggingface"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
CONVERTED = "refs/convert/parquet"
PAGE = "https://huggingface.co/datasets/"


@dataclass(frozen=True)
class Split:
    """The files of one split, and what there is to know of them.

    Attributes:
        name: ``owner/name/config/split``; in the user's folder its path there instead of the owner
            and name.
        paths: its Parquet files, in order, relative to the data set's root.
        root: the folder that it stands in; None on the hub.
        revision: the commit on the hub.
        url: its page.
        license: what its card says.
    """

    dataset: str
    name: str
    paths: list[str]
    root: Path | None = None
    revision: str | None = None
    url: str | None = None
    license: str | None = None
    choice: DatasetParams = field(kw_only=True)

    @property
    def where(self) -> str:
        """Its place, for the sentence of an error."""
        return f"{KEY}, {self.dataset}"

    @property
    def is_partial(self) -> bool:
        """Whether the hub has converted no more than its beginning."""
        return any(f"/{PARTIAL}" in path for path in self.paths)

    def schema(self) -> pa.Schema:
        """The columns, read from the end of the first file."""
        path = self.paths[0]
        if self.root is not None:
            return self._schema(self.root / path)
        (file,) = remote_files(self._address(path), KEY)
        return glanced_at(file, KEY, self._schema)

    def _schema(self, file: Any) -> pa.Schema:
        try:
            return pq.read_schema(file)
        except pa.ArrowException as error:
            raise self.broken(self.paths[0], error) from None

    def broken(self, path: str, error: Exception) -> BadInput:
        """The refusal of a file that is no Parquet."""
        reason = " ".join(str(error).split()).rstrip(".")
        return BadInput(
            f"{self.where}, {path}",
            f"is a broken Parquet file ({reason})",
            "Name another revision" if self.root is None else "Mend it, or take it out",
        )

    def files(self, folder: str, progress: Progress) -> Iterator[tuple[str, str, Path]]:
        """Each file's path in the data set, its place (its address; below the user's folder its
        path there) and where it is on this machine; one on the hub is fetched when it is asked
        for."""
        for number, path in enumerate(self.paths):
            progress(number, len(self.paths), "files")
            where = self._place(path, folder)
            if self.root is not None:
                yield path, where, self.root / path
                continue
            (file,) = remote_files(self._address(path), KEY)
            # Kept under its name alone: most commits leave most files as they were.
            yield path, where, fetched(file, KEY, progress, kept_as=where)

    def _place(self, path: str, folder: str) -> str:
        if self.root is not None:
            return os.path.relpath(self.root / path, folder)
        return f"hf://datasets/{self.dataset}/{path}"

    def path_of(self, where: str, folder: str) -> str:
        """The path in the data set of a file that ``files`` gave, by its place."""
        return next(path for path in self.paths if self._place(path, folder) == where)

    def rows(self, path: str, copy: Path) -> int:
        """How many rows a file says that it has."""
        try:
            return pq.read_metadata(copy).num_rows
        except (pa.ArrowException, OSError) as error:
            raise self.broken(path, error) from None

    def decides(self) -> dict[str, Any]:
        """What decides what becomes of a row, besides its file."""
        told = (self.name, self.revision, self.url, self.license)
        return {"split": told, "choice": self.choice.model_dump(mode="json")}

    def _address(self, path: str) -> str:
        return f"hf://datasets/{self.dataset}@{self.revision}/{path}"


def local_root(choice: DatasetParams) -> Path | None:
    """The folder that a data set's name is, if there is one; a folder comes before the hub."""
    path = Path(choice.dataset)
    return path if path.is_dir() else None


def split_files(choice: DatasetParams, folder: str) -> Split:
    """The files that are meant.

    Args:
        choice: the data set, its configuration and split.
        folder: the user's folder, in which a local data set has to stand.

    Raises:
        BadParameter: the name is none, or the folder stands outside the user's.
        MissingInput: there is no such data set, revision, configuration or split.
        BadInput: the user may not read it, or its card is broken.
        ServiceUnavailable: the hub does not answer.
    """
    where = f"{KEY}, {choice.dataset}"
    root = local_root(choice)
    if root is not None:
        return _local(choice, root, folder, where)
    if not HUB_NAME.fullmatch(choice.dataset):
        raise BadParameter(
            where,
            "there is no such folder, and names on the hub are of the form owner/name",
            "Mend the name",
        )
    return _on_the_hub(choice, where)


def _local(choice: DatasetParams, root: Path, folder: str, where: str) -> Split:
    from huggingface_hub import metadata_load

    top, place = Path(os.path.abspath(folder)), Path(os.path.abspath(root))
    if not place.is_relative_to(top) or place == top:
        raise BadParameter(
            where,
            f"stands outside {folder}, so that a change in it would go unseen",
            "Put it there, or name its folder in ingest.folder.path",
        )
    if choice.revision is not None:
        raise BadParameter(where, "is a folder, and has no revisions", "Take revision out")
    card: Mapping[str, Any] = {}
    if (readme := root / "README.md").is_file():
        try:
            card = metadata_load(readme) or {}
        except Exception:  # the YAML library's, of many kinds
            raise BadInput(str(readme), "its metadata is not YAML", "Mend it") from None
    files = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    found = layout(files, card, str(readme))
    if not found:
        raise MissingInput(where, "has no Parquet files", "Name a folder that has")
    config, paths = chosen(found, choice.config, choice.split, card, where)
    name = f"{place.relative_to(top).as_posix()}/{config}/{choice.split}"
    return Split(choice.dataset, name, paths, root=root, license=_license(card), choice=choice)


def _on_the_hub(choice: DatasetParams, where: str) -> Split:
    about = _about(choice.dataset, choice.revision, where)
    card = about.card_data.to_dict() if about.card_data else {}
    found = layout(_names(about), card, f"{where}, README.md")
    try:
        if not found:
            raise MissingInput(
                where,
                "has no Parquet files, and the hub has no copy of it in Parquet",
                "Fetch its files into the folder, or name them where their format is read",
            )
        config, paths = chosen(found, choice.config, choice.split, card, where)
    except MissingInput:
        if choice.revision is not None:  # the copy is of the newest one
            raise
        copy = _converted(choice, where)
        if copy is None:
            raise
        about = copy
        config, paths = chosen(layout(_names(copy), {}), choice.config, choice.split, card, where)
    return Split(
        choice.dataset,
        f"{choice.dataset}/{config}/{choice.split}",
        paths,
        revision=about.sha,
        url=PAGE + choice.dataset,
        license=_license(card),
        choice=choice,
    )


def _converted(choice: DatasetParams, where: str) -> "DatasetInfo | None":
    """The hub's copy in Parquet; None where there is none."""
    try:
        return _about(choice.dataset, CONVERTED, where)
    except MissingInput:
        return None


def _names(about: "DatasetInfo") -> list[str]:
    return [each.rfilename for each in about.siblings or []]


def _license(card: Mapping[str, Any]) -> str | None:
    found = card.get("license")
    return (
        ", ".join(map(str, found)) if isinstance(found, list) else (str(found) if found else None)
    )


def _about(name: str, revision: str | None, where: str) -> "DatasetInfo":
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    for attempt in range(1, TRIES + 1):
        try:
            return HfApi().dataset_info(name, revision=revision, timeout=CONNECT_SECONDS)
        except Exception as error:  # those of its HTTP library, too
            told = _told(error, revision, name, where)
            if attempt == TRIES or not isinstance(error, HfHubHTTPError) or told.exit_code == 2:
                raise told from None
    raise AssertionError("the last try raises")


def _told(error: Exception, revision: str | None, name: str, where: str) -> ChatwrightError:
    """What an error of the hub's library means to the user."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return BadInput(where, "is gated", f"Accept its terms at {PAGE}{name}, and set HF_TOKEN")
    if isinstance(error, RepositoryNotFoundError):
        return MissingInput(
            where,
            "there is neither a folder nor a public data set of that name",
            "Mend the name, or set HF_TOKEN if it is private",
        )
    if isinstance(error, RevisionNotFoundError):
        return MissingInput(where, f"has no revision {revision}", "Name a branch, tag or commit")
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status in (401, 403):
        return BadInput(where, "may not be read by you", "See whether HF_TOKEN is right")
    # What was meant for a folder may be a name on the hub by its form.
    no_folder = f"there is no folder {name} here, and"
    if status is not None:
        return ServiceUnavailable(
            where, f"{no_folder} the hub answered {status}", "Try again later"
        )
    if isinstance(error, OfflineModeIsEnabled):
        return ServiceUnavailable(
            where,
            f"{no_folder} HF_HUB_OFFLINE keeps it from the hub",
            "Mend the name of the folder, or unset HF_HUB_OFFLINE",
        )
    detail = " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
    return ServiceUnavailable(
        where,
        f"{no_folder} the hub does not answer: {detail}",
        "Mend the name of the folder, or see to the network",
    )
