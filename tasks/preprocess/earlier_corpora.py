"""Corpora that earlier builds held: what is in one of them is left out of this one.

Each is a folder of clean documents, or a git revision of this project with which a corpus was kept
(``git:v1``). They are only read: none of their documents is written out.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from chatwright.errors import BadParameter, MissingInput
from tasks.corpus_folder import Folder, here
from tasks.corpus_versions import Revision, clean_at, revision

KEY = "preprocess.earlier_corpora"
GIT = "git:"
OF_THIS_STAGE = ("data/raw", "data/clean", "data/rejected")
REMEDY = f"Fetch or make it again, or take its corpus out of {KEY}"


@dataclass(frozen=True)
class EarlierCorpus:
    """``name`` is as params.yaml has it; ``commit`` is None where it is a folder."""

    name: str
    clean: Folder
    commit: str | None


def check_earlier_corpus(name: str) -> Revision | None:
    """See that there is such a folder, or such a revision, which is returned; quick.

    Raises:
        MissingInput: there is no such folder, or no corpus in it, or none was kept at the revision.
        BadInput: there is no such revision.
        BadParameter: the folder is what the stage itself reads or writes.
    """
    where = f"{KEY}, {name}"
    if name.startswith(GIT):
        return replace(revision(name.removeprefix(GIT), where=where), name=name)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise MissingInput(
            where, "there is no such folder", f"Mend the name; revisions are written {GIT}NAME"
        )
    named = folder.resolve()
    for own in (Path(each).resolve() for each in OF_THIS_STAGE):
        if named.is_relative_to(own) or own.is_relative_to(named):
            raise BadParameter(
                where,
                "is, or holds, what this stage itself reads or writes",
                f"Name a copy, or the revision that it was kept with, as {GIT}NAME",
            )
    if (folder / "clean").is_dir() and not (folder / "train").is_dir():
        raise BadParameter(
            where, "holds more than a corpus", f"Name the one that was built on: {name}/clean"
        )
    if next(folder.rglob("*.parquet"), None) is None:
        raise MissingInput(where, "there is no Parquet file in it", "Name a copy of data/clean")
    return None


def earlier_corpus(name: str) -> EarlierCorpus:
    """One of them, to be read.

    Raises:
        MissingInput, BadInput, BadParameter: as ``check_earlier_corpus``; or its files are neither
            in DVC's cache nor in a remote.
    """
    found = check_earlier_corpus(name)
    clean = here(Path(name).expanduser()) if found is None else clean_at(found)
    commit = None if found is None else found.commit
    return EarlierCorpus(name, replace(clean, remedy=REMEDY), commit)
