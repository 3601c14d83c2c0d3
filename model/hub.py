"""Where weights that exist are: a folder, or a name on Hugging Face's hub."""

import re
from pathlib import Path

from chatwright.errors import MissingInput, ServiceUnavailable

RANDOM = "random"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = ["*.safetensors", "*.json", "*.jinja"]


def weights_folder(init: str) -> Path:
    """The folder that ``init`` names, fetched from the hub if need be.

    Raises:
        MissingInput: there is neither such a folder nor such a name.
        ServiceUnavailable: the hub does not answer, and its folder is not in the local cache.
    """
    folder = Path(init).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(init):
        raise MissingInput(
            f"model.init, {init}",
            "there is no such folder, and names on the hub are of the form owner/name",
            "Name a folder in Hugging Face's layout, a name on its hub, or random",
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return Path(snapshot_download(init, allow_patterns=_FILES))
    except RepositoryNotFoundError:
        raise MissingInput(
            f"model.init, {init}", "there is neither a folder nor a public model of that name"
        ) from None
    except OSError as error:
        raise ServiceUnavailable(
            f"model.init, {init}",
            f"Hugging Face's hub does not give it: {' '.join(str(error).split())[:200]}",
            "See to the network, or download it and name the folder",
        ) from None
