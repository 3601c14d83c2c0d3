"""The command line: ``chatwright run | plan | corpus | serve | chat | ui``.

Commands are imported when they run, so that ``--help`` answers at once.
"""

import sys
from typing import Annotated

import typer

from chatwright import __version__
from chatwright.environment import set_quiet_defaults
from chatwright.errors import ChatwrightError

app = typer.Typer(
    name="chatwright",
    help="Your own text in, a served assistant out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter: pretrain.tokens=500_000."),
]
Preset = Annotated[
    str | None, typer.Option(metavar="NAME", help="Take the choices of presets/NAME.yaml.")
]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chatwright {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Your own text in, a served assistant out."""


@app.command()
def run(set_: Set = None, preset: Preset = None) -> None:
    """Build the assistant: what is up to date is passed over, what was interrupted goes on."""
    from chatwright.commands.run import run as command

    command(preset, set_ or [])


@app.command()
def plan(set_: Set = None, preset: Preset = None) -> None:
    """Say what training would take: memory, time, bits per byte. Nothing is built or changed."""
    from chatwright.commands.plan import plan as command

    command(preset, set_ or [])


corpus_app = typer.Typer()
app.add_typer(corpus_app, name="corpus")
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides which samples are shown.")]


@corpus_app.callback(invoke_without_command=True)
def corpus(
    context: typer.Context,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Show what was removed for this.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="How many documents to show.")] = 10,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say what is in the corpus, and what was removed and why."""
    if context.invoked_subcommand is None:
        from chatwright.commands.corpus import corpus as command

        command(reason=reason, samples=samples, seed=seed, as_json=json)


@corpus_app.command("diff")
def corpus_diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A tag, branch or commit, or: workspace.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")] = "workspace",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say what differs between two versions of the corpus."""
    from chatwright.commands.corpus_diff import corpus_diff as command

    command(a, b, seed=seed, as_json=json)


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the champion: a chat page, and an OpenAI-compatible API at /v1."""
    from chatwright.commands.serve import serve as command

    command(host, port)


@app.command()
def chat() -> None:
    """Talk to the champion in the terminal."""
    from chatwright.commands.serve import chat_in_terminal as command

    command()


@app.command()
def compare(
    tokens: Annotated[int, typer.Option(min=1, help="How many tokens to train each on.")] = 600_000,
) -> None:
    """Train n-grams, an RNN, an LSTM and Transformers on the same text, and show what each makes
    of it."""
    from chatwright.commands.compare import compare as command

    command(tokens)


@app.command()
def ui(host: Host = "127.0.0.1", port: Port = 5000) -> None:
    """Look at the runs: starts MLflow's page, and says where Prefect's is."""
    from chatwright.commands.ui import ui as command

    command(host, port)


def main() -> None:
    """Run the command line; a user's mistake ends with one sentence and exit status 2."""
    set_quiet_defaults()
    try:
        app(standalone_mode=True)
    except ChatwrightError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
