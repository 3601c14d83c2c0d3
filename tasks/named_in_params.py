"""What params.yaml names beside numbers and words: files, folders, the address of the tracking.

``check_named`` looks for it before any work. It is for what runs before the stages, and quick:
nothing is read and no server is asked, so that an address counts as right if its form is.
"""

import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

from chatwright.errors import BadParameter, MissingInput
from tasks.params import Params, TrackingParams
from tasks.params_ingest import IngestParams, NamedFilesParams

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def check_named(params: Params) -> None:
    """See that all files and folders are there, and that MLflow can be at ``tracking.uri``.

    Raises:
        MissingInput: a file or folder is not there, or cannot be read; its key is named.
        BadParameter: no file is named where some have to be, one stands outside the user's folder,
            or the address is none.
    """
    folder = Path(params.ingest.folder.path)
    if not folder.is_dir():
        raise MissingInput(
            f"ingest.folder.path, {folder}",
            "there is no such folder",
            "Make it (it may be empty), or name another",
        )
    _check_sources(params)
    for key, name in _files(params):
        _check_file(key, name)
    if params.preprocess.earlier_corpora:
        from tasks.preprocess.earlier_corpora import check_earlier_corpus  # Arrow, too

        for name in params.preprocess.earlier_corpora:
            check_earlier_corpus(name)
    if params.model.init.startswith((".", "/", "~")):  # else it may be a name on the hub
        if not Path(params.model.init).expanduser().is_dir():
            raise MissingInput(
                f"model.init, {params.model.init}", "there is no such folder", "Mend the name"
            )
    check_tracking(params.tracking)


def _check_sources(params: Params) -> None:
    """The files that each source is told to read; of an address, its form."""
    for source in params.ingest.sources:
        named = getattr(params.ingest, source.replace("-", "_"))
        if isinstance(named, NamedFilesParams):
            from tasks.ingest.named_files import NamedFiles  # half a second, for Arrow
            from tasks.ingest.remote import is_remote, scheme_of

            files = NamedFiles(source, named.paths, params.ingest.folder)
            files.found()
            for address in filter(is_remote, named.paths):
                scheme_of(address, files.key)
    if "folder" in params.ingest.sources and params.ingest.folder.addresses:
        from tasks.ingest.remote import scheme_of

        for address in params.ingest.folder.addresses:
            scheme_of(address, "ingest.folder.addresses")
    if "web" in params.ingest.sources:
        from tasks.ingest.web import check_names_a_page

        check_names_a_page(params.ingest.web)
    if "huggingface" in params.ingest.sources:
        _check_datasets(params.ingest)


def _check_datasets(params: IngestParams) -> None:
    """Data sets that are folders; what may be a name on the hub is asked for in its stage."""
    from tasks.ingest.hub_dataset import HUB_NAME, local_root, split_files
    from tasks.ingest.huggingface import check_datasets

    if not params.huggingface:
        check_datasets(params)
    for choice in params.huggingface:
        if local_root(choice) is not None or not HUB_NAME.fullmatch(choice.dataset):
            split_files(choice, params.folder.path)


def _files(params: Params) -> Iterator[tuple[str, str]]:
    """The keys that name files, each with a file."""
    preprocess = params.preprocess
    yield "evaluate.questions", params.evaluate.questions
    for name in preprocess.decontaminate:
        yield "preprocess.decontaminate", name
    if preprocess.classifier is not None:
        for kind in ("good", "bad"):
            for name in getattr(preprocess.classifier, kind):
                yield f"preprocess.classifier.{kind}", name
    if preprocess.augment is not None and preprocess.augment.synonyms is not None:
        yield "preprocess.augment.synonyms", preprocess.augment.synonyms


def _check_file(key: str, name: str) -> None:
    try:
        with open(name, "rb"):
            return
    except FileNotFoundError:
        raise MissingInput(f"{key}, {name}", "there is no such file", "Mend the name") from None
    except (OSError, ValueError) as error:  # a zero byte in the name is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise MissingInput(f"{key}, {name}", f"cannot be read: {reason}", "Mend the name") from None


def check_tracking(tracking: TrackingParams) -> None:
    """See that MLflow can be at ``tracking.uri``; no server is asked.

    Raises:
        BadParameter: the address is none.
        MissingInput: the folder of a database is not there.
    """
    where = f"tracking.uri, {tracking.uri}"
    remedy = "Write sqlite:///mlflow.db, or the https:// address of an MLflow server"
    try:
        parts = urlsplit(tracking.uri)
    except ValueError as error:
        raise BadParameter(where, f"is no address: {error}", remedy) from None
    scheme = parts.scheme.partition("+")[0]  # postgresql+psycopg
    if scheme in ("", "file") and os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() != "true":
        raise BadParameter(where, "MLflow no longer keeps its runs in plain files", remedy)
    if scheme in ("http", "https") and not parts.hostname:
        raise BadParameter(where, "names no server", remedy)
    if scheme == "sqlite" and not (folder := Path(parts.path[1:]).parent).is_dir():
        # MLflow would make it, and begin a new history where a name is mistyped.
        raise MissingInput(where, f"there is no folder {folder}", "Make it, or mend the address")
    known = ("", "file", "http", "https", *DATABASES)
    if scheme not in known and scheme not in entry_points(group="mlflow.tracking_store").names:
        raise BadParameter(where, f"MLflow knows no {scheme}://", remedy)
