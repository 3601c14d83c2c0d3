"""The model registry: which version is served, and where its files are."""

from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from chatwright.errors import NoModel, ServiceUnavailable
from tasks.params import Params

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class RegisteredBundle:
    """A version of the assistant, on this machine: ``folder`` holds ``model/`` and ``index/``."""

    folder: Path
    name: str
    version: int


def registry_client(uri: str) -> MlflowClient:
    """A client of the registry, which is also made the default for ``models:/`` addresses."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return MlflowClient(uri)


def version_by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """The version that an alias names; None if there is none.

    Raises:
        ServiceUnavailable: the tracking server does not answer.
    """
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise ServiceUnavailable(
            "the MLflow registry", f"does not answer: {error.message}", "Is tracking.uri right?"
        ) from error


def champion(params: Params) -> RegisteredBundle:
    """The version to serve, its files brought to this machine where they are elsewhere.

    Raises:
        NoModel: nothing has been registered yet, or its files are gone.
    """
    name = params.register_.model_name
    client = registry_client(params.tracking.uri)
    version = version_by_alias(client, name, CHAMPION)
    if version is None:
        raise NoModel(name, "there is no model to serve yet", "Make one: make run")
    try:
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}@{CHAMPION}"))
    except (MlflowException, OSError) as error:
        raise NoModel(
            f"{name} version {version.version}",
            f"is registered but its files cannot be read: {error}",
            "Register it again: dvc repro --force --single-item register",
        ) from error
    return RegisteredBundle(folder / "artifacts" / "bundle", name, int(version.version))
