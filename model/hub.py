"""Where weights from elsewhere are: a folder of the user's, or a name on Hugging Face's hub.

Notable choices: of a hub repository only the files that are read here are downloaded, the small
ones first, so that a model which does not fit is refused before its gigabytes come; pickled files
are not among them. What was downloaded once stands in Hugging Face's own cache and is found there
without a network.
"""

from pathlib import Path

from chatwright.errors import BadParameter, MissingInput, ServiceUnavailable

SMALL_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "model.safetensors.index.json",
)
WEIGHT_FILES = ("model.safetensors", "model-*-of-*.safetensors")
PARAMETER = "params.yaml, model.init"


def checkpoint_folder(init: str, *, weights: bool) -> Path:
    """The folder of a checkpoint, brought here from the hub if it is not one.

    Args:
        init: a folder, or ``owner/name`` on the hub, ``@revision`` after it or not.
        weights: whether the weights are needed too.

    Raises:
        MissingInput: it can only be a folder, and there is none.
        BadParameter: the hub has no such model, or does not give it to this user.
        ServiceUnavailable: the hub does not answer, and the files were never downloaded.
    """
    folder = Path(init).expanduser()
    if folder.is_dir():
        return folder
    name, _, revision = init.partition("@")
    if init.startswith((".", "/", "~")) or name.count("/") > 1:
        raise MissingInput(PARAMETER, f"there is no folder {init}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        files = [*SMALL_FILES, *(WEIGHT_FILES if weights else ())]
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=files))
    except GatedRepoError:
        raise BadParameter(
            PARAMETER,
            f"{name} is given only to those who accepted its licence",
            f"Accept it at https://huggingface.co/{name}, then run: hf auth login",
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError):
        raise BadParameter(
            PARAMETER,
            f"{init} is neither a folder here nor a model on Hugging Face's hub",
            "Check how it is written; a private model needs: hf auth login",
        ) from None
    except OSError as error:  # httpx's errors come as these, too
        reason = " ".join(str(error).split()).rstrip(".")
        raise ServiceUnavailable(
            PARAMETER,
            f"{init} is no folder here and could not be had from Hugging Face's hub: {reason}",
            "Check the network, or name a folder",
        ) from None


def weight_files(folder: Path) -> list[Path]:
    """What decides the weights of a folder: its config and its safetensors files."""
    return [folder / "config.json", *sorted(folder.glob("*.safetensors"))]
