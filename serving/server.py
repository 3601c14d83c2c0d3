"""`chatwright serve`: take the port, load the assistant, answer until told to stop.

The port comes first, because loading takes seconds and a taken port should not cost them: it is
bound and listening while the model loads, so a page opened too early waits instead of failing.
SIGINT and SIGTERM let the replies under way finish for ``GRACE_SECONDS``, then end them.
"""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from chatwright.errors import BadParameter, NoModel, PortInUse
from serving.api import create_app
from serving.engine import Engine, Replying

GRACE_SECONDS = 5


def load_assistant(bundle: Path) -> Replying:
    """The assistant of a served folder (``model/`` and ``index/``).

    Raises:
        NoModel: there is no such folder, or half of it is missing.
    """
    missing = [name for name in ("model", "index") if not (bundle / name).is_dir()]
    if missing:
        what = "has no " + " and no ".join(missing) if bundle.is_dir() else "does not exist"
        raise NoModel(
            str(bundle), f"there is no model to serve: the folder {what}", "Run: make run"
        )
    from serving.assistant import Assistant  # imports torch, which takes a second or two

    return Assistant.load(bundle)


def serve(
    load: Callable[[], Replying],
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    model_name: str = "chatwright",
    at_once: int = 4,
    say: Callable[[str], None] = print,
) -> None:
    """Serve an assistant until SIGINT or SIGTERM.

    Args:
        load: gives the assistant; called when the port is ours.
        host: the address to listen on; ``0.0.0.0`` or ``::`` for every one of this machine.
        port: the port to listen on; 0 takes any free one.
        model_name: the name that clients ask for the model by.
        at_once: how many replies are made side by side.
        say: takes each line meant for the user.

    Raises:
        PortInUse: another program listens there.
        BadParameter: the host or port cannot be listened on.
        NoModel: there is no model to load.
    """
    with listening(host, port) as listener:
        assistant = load()
        address = address_of(listener)
        engine = Engine(assistant, at_once=at_once)
        app = create_app(assistant, model_name, engine=engine)
        config = uvicorn.Config(
            app,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=2 * GRACE_SECONDS,  # for clients that do not read the end
        )
        say(f"The chat page:      {address}/")
        say(f"OpenAI-compatible:  {address}/v1   (model: {model_name})")
        say("Ctrl-C stops it.")
        server = PatientServer(config, engine)
        with ending_quietly(server):
            server.run(sockets=[listener])
    say("Stopped.")


class PatientServer(uvicorn.Server):
    """A server that, told to stop, gives the replies under way ``GRACE_SECONDS``.

    Those that take longer end with an error that says why; left to itself, uvicorn would cut the
    connections without a word.
    """

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self.engine = engine

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for the connections to end."""
        patience = asyncio.get_running_loop().call_later(GRACE_SECONDS, self.engine.stop)
        await super().shutdown(sockets)
        patience.cancel()


@contextmanager
def listening(host: str, port: int, command: str = "serve") -> Iterator[socket.socket]:
    """A socket that listens on an address, closed at the end.

    Raises:
        PortInUse: another program listens there.
        BadParameter: the address is not one of this machine, or not for us to take.
    """
    if not 0 <= port <= 65535:
        raise BadParameter("--port", f"{port} is not a port", "Take one from 1024 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=128)
    except (socket.gaierror, UnicodeError) as error:
        raise BadParameter(
            "--host", f"{host!r} is not an address", "Take 127.0.0.1, or 0.0.0.0 for all"
        ) from error
    except OSError as error:
        raise refused_address(host, port, command, error) from error
    with listener:
        yield listener


def refused_address(host: str, port: int, command: str, error: OSError) -> PortInUse | BadParameter:
    """Why the system does not let us listen there, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return PortInUse(
            f"{host}, port {port}",
            "another program listens there already",
            f"Stop it, or take another port: chatwright {command} --port {other}",
        )
    if error.errno == errno.EACCES:
        return BadParameter(
            "--port",
            f"the system does not let you take port {port}",
            f"Take one above 1023: chatwright {command} --port 8000",
        )
    return BadParameter(
        "--host", f"this machine has no address {host}", "Take 127.0.0.1, or 0.0.0.0 for all"
    )


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser for a listening socket."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    if ":" in reachable and not reachable.startswith("["):
        reachable = f"[{reachable}]"
    return f"http://{reachable}:{port}"


@contextmanager
def ending_quietly(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server and not the program around it, also while it starts.

    uvicorn raises the signal that stopped it once more when it has shut down, for whoever had a
    handler before: here itself again, as the shutdown is all that the signal was for.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, server.handle_exit) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
