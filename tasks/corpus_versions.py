"""A version of the corpus: the one in the workspace, or the one that a git revision was built with.

dvc.lock at that revision says which files those are; DVC reads them from its cache or a remote.
Nothing in the workspace is changed.
"""

import subprocess
from dataclasses import dataclass, replace

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from chatwright.errors import BadInput, MissingInput
from tasks.corpus_folder import Folder, here

WORKSPACE = "workspace"
CLEAN, REJECTED = "data/clean", "data/rejected"


@dataclass(frozen=True)
class Version:
    """``name`` is as the user said it; ``rejected`` is None where its files are not at hand."""

    name: str
    clean: Folder
    rejected: Folder | None


@dataclass(frozen=True)
class Revision:
    """A git revision with which a corpus was kept.

    Attributes:
        name: what errors about its files call it.
        commit: its full name.
        outputs: what dvc.lock names there.
    """

    name: str
    commit: str
    outputs: frozenset[str]


def version(name: str) -> Version:
    """The corpus of a git revision, or of ``workspace``, in the project of the current folder.

    Raises:
        BadInput, MissingInput: as ``revision`` and ``clean_at``; or there is none in the
            workspace.
    """
    if name == WORKSPACE:
        found = Version(name, here(CLEAN), here(REJECTED))
        found.clean.must_be_there()
        return (
            found if found.rejected and found.rejected.files() else Version(name, here(CLEAN), None)
        )
    # As preprocess.earlier_corpora has it, where folders can be named as well.
    kept = revision(name.removeprefix("git:"), choices=f"a tag, a branch, a commit or {WORKSPACE}")
    clean = clean_at(kept)
    rejected = replace(clean, path=REJECTED)
    is_there = REJECTED in kept.outputs and _at_hand(rejected)
    return Version(name, clean, rejected if is_there else None)


def revision(
    name: str, *, where: str = "", choices: str = "a tag, a branch or a commit"
) -> Revision:
    """A revision of the project in the current folder; quick, as no file of its corpus is sought.

    Args:
        name: as git knows it.
        where: what errors here call it; empty: by its name.
        choices: what can be named.

    Raises:
        BadInput: there is no such revision, or no repository.
        MissingInput: no corpus was kept with it.
    """
    where = where or name
    answer = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if answer.returncode:
        if _git("rev-parse", "--git-dir").returncode:
            remedy = "Versions are git revisions"
            raise BadInput(where, "this folder is in no git repository", remedy)
        raise BadInput(where, "git knows no such revision here", f"Name {choices}")
    commit = answer.stdout.strip()
    answer = _git("show", f"{commit}:./dvc.lock")
    try:
        lock = YAML(typ="safe").load(answer.stdout) if answer.returncode == 0 else {}
        stages = (lock or {}).get("stages", {}).values()
        outputs = frozenset(entry["path"] for stage in stages for entry in stage.get("outs", []))
    except (YAMLError, AttributeError, TypeError, KeyError):
        remedy = "Name another commit, or run and commit again"
        raise BadInput(where, "dvc.lock of this revision is not what DVC writes", remedy) from None
    if CLEAN not in outputs:
        raise MissingInput(
            where,
            "no corpus was kept with this revision",
            "Keep the one in the workspace with: git add dvc.lock && git commit",
        )
    return Revision(name, commit, outputs)


def clean_at(found: Revision) -> Folder:
    """The corpus that was kept with a revision, as the folder ``data/clean``.

    Raises:
        MissingInput: its files are neither in DVC's cache nor in a remote.
        BadInput: DVC cannot read it.
    """
    # Seconds to import, which no mistake in the name should take.
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexError

    try:
        clean = Folder(DVCFileSystem(".", rev=found.commit), CLEAN, found.name)
        if not clean.files():
            raise FileNotFoundError
    except (DataIndexError, FileNotFoundError):
        raise MissingInput(
            f"{CLEAN} at {found.name}",
            "it is neither in DVC's cache nor in a remote",
            "Fetch it, if a remote holds it: dvc fetch --all-commits",
        ) from None
    except DvcException as error:
        raise BadInput(found.name, f"DVC cannot read it: {' '.join(str(error).split())}") from None
    return clean


def _at_hand(folder: Folder) -> bool:
    """Whether all files of a folder can be opened, which may be in a remote."""
    from dvc_data.index import DataIndexError

    try:
        return bool(folder.files()) and folder.rows() >= 0
    except (DataIndexError, MissingInput):
        return False


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True)
