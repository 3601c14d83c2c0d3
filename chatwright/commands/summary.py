"""The end of ``chatwright run``: what became of each stage, how good it is, what to do next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table

from chatwright.errors import ServiceUnavailable
from tasks.headlines import read_report
from tasks.params import load_params
from tasks.progress import duration_text

if TYPE_CHECKING:
    from flows.build import StageResult


def print_summary(console: Console, results: Sequence["StageResult"], seconds: float) -> None:
    """Print the tables, the samples and where to go from here."""
    console.print()
    console.print(stage_table(results, seconds))
    evaluation = read_report("evaluate")
    if evaluation:
        from tasks.evaluate.table import evaluation_table

        console.print(evaluation_table(evaluation))
        for sample in evaluation["samples"]:
            print_sample(console, sample)
    registered = read_report("register")
    if registered:
        for line in standing(registered, served_version()):
            console.print(line, soft_wrap=True)
        console.print(
            "The run in MLflow:  chatwright ui, then http://127.0.0.1:5000/#/experiments/"
            f"{registered['experiment_id']}/runs/{registered['run_id']}",
            soft_wrap=True,
        )
    console.print("Talk to it:         make serve  (or: chatwright serve, chatwright chat)")
    console.print("Your own text:      drop files into corpus/ and run again")
    console.print("Keep this corpus:   git add dvc.lock && git commit")


def standing(registered: dict[str, Any], served: int | None) -> list[str]:
    """Which version this build is, and which is served.

    Args:
        registered: the report of the stage ``register``, which may be of days ago.
        served: the version that has the alias champion now; None: none has, or it is not known.
    """
    version, was_champion = registered["version"], registered["is_champion"]
    said = f"[bold]{registered['model_name']}[/bold] version {version}, "
    role = f"{'champion' if was_champion else 'challenger'} ({registered['reason']})"
    if served == version and not was_champion:
        return [f"{said}served now: it has been given the alias champion. Registered as {role}"]
    if served is None and was_champion:
        return [f"{said}registered as {role}"]
    if served in (None, version):
        return [said + role]
    if was_champion:
        return [
            f"{said}registered as {role}",
            f"Served now:         version {served}, which has been given the alias champion since",
        ]
    return [
        said + role,
        f"Still served:       version {served}. To serve version {version} all the same, give it "
        "the alias champion (chatwright ui, Models)",
    ]


def served_version() -> int | None:
    """The version that has the alias champion now, whoever gave it; None: none, or the registry
    does not answer."""
    from tasks.registry import CHAMPION, registry_client, version_by_alias  # brings MLflow

    params = load_params()
    try:
        client = registry_client(params.tracking.uri)
        version = version_by_alias(client, params.register_.model_name, CHAMPION)
    except ServiceUnavailable:
        return None
    return None if version is None else int(version.version)


def stage_table(results: Sequence["StageResult"], seconds: float) -> Table:
    """A row a stage: its state, time and main figures."""
    table = Table(title=f"Built in {duration_text(seconds)}", title_justify="left")
    table.add_column("stage")
    table.add_column("state")
    table.add_column("time", justify="right")
    table.add_column("figures", overflow="fold")
    for result in results:
        table.add_row(result.stage, result.state, duration_text(result.seconds), result.figures)
    return table


def print_sample(console: Console, sample: dict[str, Any]) -> None:
    """One exchange with the assistant as served."""
    console.print(f"[bold]> {sample['question']}[/bold]")
    console.print(Padding(Markdown(sample["reply"]), (0, 0, 0, 2)))
    if sample["citations"]:
        console.print(f"  [dim]from {', '.join(sample['citations'])}[/dim]")
    console.print()
