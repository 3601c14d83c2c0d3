"""A version of the corpus: the one in the workspace, or the one that a git revision was built with.

dvc.lock at that revision says which files those are; DVC reads them from its cache or a remote.
Nothing in the workspace is changed.
"""

import subprocess
from dataclasses import dataclass

from ruamel.yaml import YAML

from chatwright.errors import BadInput, MissingInput
from tasks.corpus_page.columns import Folder
from tasks.corpus_page.page import here

WORKSPACE = "workspace"
CLEAN, REJECTED = "data/clean", "data/rejected"


@dataclass(frozen=True)
class Version:
    """``name`` is as the user said it; ``rejected`` is None where its files are not at hand."""

    name: str
    clean: Folder
    rejected: Folder | None


def version(name: str) -> Version:
    """The corpus of a git revision, or of ``workspace``, in the project of the current folder.

    Raises:
        BadInput: there is no such revision, or no repository.
        MissingInput: no corpus was kept with that revision, or its files are neither in DVC's
            cache nor in a remote; or there is none in the workspace.
    """
    if name == WORKSPACE:
        found = Version(name, here(CLEAN), here(REJECTED))
        found.clean.must_be_there()
        return (
            found if found.rejected and found.rejected.files() else Version(name, here(CLEAN), None)
        )
    commit = _commit(name)
    kept = _kept_at(name, commit)
    # Seconds to import, which no mistake above should take.
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexError

    try:
        fs = DVCFileSystem(".", rev=commit)
        clean = Folder(fs, CLEAN, name)
        if not clean.files():
            raise FileNotFoundError
    except (DataIndexError, FileNotFoundError):
        raise MissingInput(
            clean.where,
            "it is neither in DVC's cache nor in a remote",
            "Fetch it, if a remote holds it: dvc fetch --all-commits",
        ) from None
    except DvcException as error:
        raise BadInput(name, f"DVC cannot read it: {' '.join(str(error).split())}") from None
    rejected = Folder(fs, REJECTED, name)
    return Version(name, clean, rejected if REJECTED in kept and _at_hand(rejected) else None)


def _commit(name: str) -> str:
    answer = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if answer.returncode == 0:
        return answer.stdout.strip()
    if _git("rev-parse", "--git-dir").returncode:
        raise BadInput(name, "this folder is in no git repository", "Versions are git revisions")
    raise BadInput(
        name, "git knows no such revision here", f"Name a tag, a branch, a commit or {WORKSPACE}"
    )


def _kept_at(name: str, commit: str) -> set[str]:
    """The outputs that dvc.lock names at a commit."""
    answer = _git("show", f"{commit}:./dvc.lock")
    lock = YAML(typ="safe").load(answer.stdout) if answer.returncode == 0 else {}
    stages = (lock or {}).get("stages", {}).values()
    outputs = {entry["path"] for stage in stages for entry in stage.get("outs", [])}
    if CLEAN not in outputs:
        raise MissingInput(
            name,
            "no corpus was kept with this revision",
            "Keep the one in the workspace with: git add dvc.lock && git commit",
        )
    return outputs


def _at_hand(folder: Folder) -> bool:
    """Whether all files of a folder can be opened, which may be in a remote."""
    from dvc_data.index import DataIndexError

    try:
        return bool(folder.files()) and folder.rows() >= 0
    except (DataIndexError, MissingInput):
        return False


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True)
