"""The stage ``register``: a version of the assistant in the registry, champion when it is better.

A version holds the compressed model and the index, loadable by ``mlflow.pyfunc`` with the code
that runs them. Its tags and description say what it was built from and how it scored. A build
whose files equal a version's makes no new one: who goes back to an older build goes back to its
version. ``challenger`` is always the last build's; ``champion`` moves to it when it is better on
the same held-out text, or when it is the first.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from pydantic import BaseModel

from chatwright.errors import ServiceUnavailable
from tasks.champion import CORPUS, Figures, figures_of, is_better, text_digest
from tasks.driver import run_began
from tasks.lineage import git_commit, locked_stages
from tasks.params import Params
from tasks.registry import CHALLENGER, CHAMPION, registry_client, version_by_alias
from tasks.stage import Stage
from tasks.thinning import thinned
from tasks.tracking.spool import (
    LOG,
    close_build,
    current_build,
    last_shipping_error,
    parent_run_id,
)

ROOT = Path(__file__).resolve().parent.parent
PARENT_RUN_SECONDS = 60.0  # the side process has had all the build to make it
CODE = ("serving", "model", "chatwright")
# What MLflow says when its server or database is away or busy: trying again may help.
MAY_PASS = {"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "REQUEST_LIMIT_EXCEEDED"}
NEEDS = (
    "torch",
    "tokenizers",
    "safetensors",
    "jinja2",
    "numpy",
    "pyarrow",
    "pydantic",
    "PyStemmer",
    "regex",
    "tiktoken",
    "mlflow",
    "pandas",
)


class RegisterReport(BaseModel):
    """What became of the build in the registry."""

    model_name: str
    version: int
    is_new: bool
    is_champion: bool
    reason: str
    bits_per_byte: float
    right_first: float | None
    run_id: str
    experiment_id: str


def folder_digest(*folders: Path) -> str:
    """The SHA-256 of the names and contents of all files in some folders."""
    digest = hashlib.sha256()
    for folder in folders:
        files = (path for path in folder.rglob("*") if path.is_file())
        for file in sorted(path for path in files if "__pycache__" not in path.parts):
            digest.update(f"{file.relative_to(folder)}\0".encode())
            with open(file, "rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def register(
    model: Path,
    index: Path,
    test: Path,
    evaluation: Mapping[str, Any],
    params: Params,
    run_id: str,
    lineage: Mapping[str, str],
) -> RegisterReport:
    """Make a version of the assistant, unless one has the same files.

    Args:
        model: the compressed model's folder.
        index: the index's folder.
        test: the held-out documents, to measure an older champion on.
        evaluation: the report of the stage ``evaluate``.
        params: all parameters.
        run_id: the build's run in MLflow, which the version belongs to.
        lineage: what it was made from: commit, hashes.

    Raises:
        ServiceUnavailable: MLflow does not answer.
    """
    client = registry_client(params.tracking.uri)
    name = params.register_.model_name
    most_bytes = params.evaluate.held_out_bytes
    texts = [document.text for document in thinned(test, most_bytes)]
    challenger = Figures(
        bits_per_byte=evaluation["language_model"]["compressed"]["bits_per_byte"],
        right_first=evaluation["questions"]["written"]["all"].get("right_first"),
        text_sha256=text_digest(texts),
        corpus=lineage[CORPUS],
    )
    digest = folder_digest(model, index, *(ROOT / name for name in CODE))
    try:
        found = version_of_files(client, name, digest)
        is_new = found is None
        if found is None:
            tags = {"sha256": digest, **lineage, **challenger.model_dump(exclude_none=True)}
            del tags["corpus"]  # it stands under its path
            found = make_version(client, model, index, params, run_id, tags)
        client.set_registered_model_alias(name, CHALLENGER, found.version)
        champion = version_by_alias(client, name, CHAMPION)
        if champion is not None and champion.version == found.version:
            better, reason = True, "it is the champion already"
        elif champion is None:
            better, reason = is_better(challenger, None, params.register_)
        else:
            files = Path(mlflow.artifacts.download_artifacts(f"models:/{name}@{CHAMPION}"))
            before = figures_of(champion, files / "artifacts" / "bundle", texts)
            better, reason = is_better(challenger, before, params.register_)
        if better:
            client.set_registered_model_alias(name, CHAMPION, found.version)
        experiment_id = client.get_run(run_id).info.experiment_id
    except MlflowException as error:
        if error.error_code not in MAY_PASS:
            raise
        raise ServiceUnavailable(
            params.tracking.uri, f"MLflow did not do its part: {error.message}", "Try again"
        ) from error
    return RegisterReport(
        model_name=name,
        version=int(found.version),
        is_new=is_new,
        is_champion=better,
        reason=reason,
        bits_per_byte=challenger.bits_per_byte,
        right_first=challenger.right_first,
        run_id=run_id,
        experiment_id=experiment_id,
    )


def version_of_files(client: MlflowClient, name: str, digest: str) -> ModelVersion | None:
    """The newest version that holds files of this digest; None: none does."""
    same = client.search_model_versions(f"tags.sha256 = '{digest}'")  # a name may hold a quote
    versions = [version for version in same if version.name == name]
    return max(versions, key=lambda version: int(version.version), default=None)


def make_version(
    client: MlflowClient,
    model: Path,
    index: Path,
    params: Params,
    run_id: str,
    tags: Mapping[str, Any],
) -> ModelVersion:
    """Store the files under the run and make a version of the registered model from them."""
    with tempfile.TemporaryDirectory(prefix="chatwright-") as folder:
        bundle = Path(folder) / "bundle"
        shutil.copytree(model, bundle / "model")
        shutil.copytree(index, bundle / "index")
        with mlflow.start_run(run_id=run_id):
            logged = mlflow.pyfunc.log_model(
                name="assistant",
                python_model=str(ROOT / "tasks" / "registered_assistant.py"),
                artifacts={"bundle": str(bundle)},
                code_paths=[str(ROOT / name) for name in CODE],
                pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in NEEDS],
            )
    registered = mlflow.register_model(
        logged.model_uri,
        params.register_.model_name,
        tags={key: str(value) for key, value in tags.items()},
    )
    client.update_model_version(
        registered.name, registered.version, description=description(tags, params)
    )
    return registered


def description(tags: Mapping[str, Any], params: Params) -> str:
    """What a version was built from and how it scored, as Markdown."""
    first = tags.get("right_first")
    asked = "" if first is None else f", right document first for {first:.0%} of the questions"
    commit = f", code at {tags['git_commit'][:10]}" if "git_commit" in tags else ""
    return (
        f"A {params.model.size} model on {', '.join(params.ingest.sources)}: "
        f"{tags['bits_per_byte']:.3f} bits per byte on held-out text{asked}.\n\n"
        f"Corpus {tags.get('data/clean', 'unknown')} (DVC){commit}."
    )


def lineage_tags() -> dict[str, str]:
    """The commit, and DVC's hash of every output that stands before this stage."""
    tags = {
        entry["path"]: entry["md5"]
        for stage in locked_stages().values()
        for entry in stage.get("outs", [])
        if not entry["path"].startswith("reports/")
    }
    if commit := git_commit():
        tags["git_commit"] = commit
    return tags


def main() -> None:
    """Run the stage in the current folder."""
    with Stage("register") as stage:
        build = current_build()
        run_id = parent_run_id(build, PARENT_RUN_SECONDS)
        if run_id is None:
            said = last_shipping_error(run_began())
            raise ServiceUnavailable(
                stage.params.tracking.uri,
                "MLflow has not taken this build's run" + (f": {said.rstrip('.')}" if said else ""),
                f"Look into {LOG} and run again",
            )
        report = register(
            stage.input("artifacts/compressed") / stage.params.compress.recipe,
            stage.input("artifacts/index"),
            stage.input("data/clean") / "test",
            json.loads(stage.input("reports/evaluate.json").read_text(encoding="utf-8")),
            stage.params,
            run_id,
            lineage_tags(),
        )
        role = "champion" if report.is_champion else "challenger"
        stage.log(f"{report.model_name} version {report.version}, {role} ({report.reason})")
        stage.report(report)
    close_build()


if __name__ == "__main__":
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    main()
