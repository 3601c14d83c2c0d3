"""``chatwright serve`` and ``chatwright chat``: the champion, in the browser and the terminal."""

from pathlib import Path

from rich.console import Console

from chatwright.errors import NoModel
from serving.server import load_assistant
from serving.server import serve as serve_assistant
from tasks.params import load_params


def serve(host: str, port: int) -> None:
    """Serve the champion until interrupted.

    Raises:
        PortInUse: another program listens there; found out before the slow part.
        NoModel: nothing has been registered yet.
    """
    name = load_params().register_.model_name
    serve_assistant(lambda: load_assistant(champion_folder()), host, port, model_name=name)


def chat_in_terminal() -> None:
    """Talk to the champion.

    Raises:
        NoModel: nothing has been registered yet.
    """
    from chatwright.commands.chat import chat

    chat(load_assistant(champion_folder()))


def champion_folder() -> Path:
    """The champion's files.

    Raises:
        NoModel: nothing has been registered yet.
    """
    params = load_params()
    database = params.tracking.uri.removeprefix("sqlite:///")
    if database != params.tracking.uri and not Path(database).exists():
        # Known without MLflow, which takes seconds to import and would make the file.
        raise NoModel(
            params.register_.model_name, "there is no model to serve yet", "Make one: make run"
        )
    with Console(stderr=True).status("Looking up the champion ..."):
        from tasks.registry import champion

        return champion(params).folder
