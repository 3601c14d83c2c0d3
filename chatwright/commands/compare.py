"""``chatwright compare``: older kinds of language models and the Transformer on the same text."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chatwright.commands.run import SHIPPING_SECONDS, WORK, the_only_run
from chatwright.console import RunConsole
from chatwright.errors import BadInput, MissingInput
from tasks.params import Params, load_params
from tasks.progress import MARK, Progress, figure_text
from tasks.tracking.spool import has_unshipped, ship_all

if TYPE_CHECKING:
    from rich.table import Table

TOKENS, TOKENIZER, CLEAN = Path("data/tokens"), Path("artifacts/tokenizer"), Path("data/clean")


def compare(tokens: int) -> None:
    """Bring the packed text up to date, train and measure all rivals, print the table.

    Raises:
        MissingInput: this folder is no project.
        AnotherRun: one is at work in this folder.
        BadInput: the text could not be packed.
        BadParameter: a parameter cannot be used.
    """
    if not Path("dvc.yaml").exists():
        raise MissingInput(
            str(Path.cwd()), "there is no dvc.yaml", "Go to the folder of your Chatwright project"
        )
    params = load_params()
    with the_only_run(), RunConsole() as shown:
        pack(shown)
        table = compared(shown, params, tokens)
    shown.console.print()
    shown.console.print(table)
    shown.console.print(
        "The runs side by side:  chatwright ui; choose those in the newest run named compare, "
        "then Compare",
        soft_wrap=True,
    )


def pack(shown: RunConsole) -> None:
    """Build what the comparison reads, where it is not up to date.

    Raises:
        BadInput: a stage failed; it has said why.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "pack"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "CHATWRIGHT_PROGRESS": "json"},
    )
    for line in process.stdout or ():
        if line.startswith(MARK):
            shown.progress(**json.loads(line.removeprefix(MARK)))
        elif line.strip():
            stage, _, text = line.rstrip().partition(": ")
            shown.line(stage if text and stage.isalpha() else "", line.rstrip())
    if process.wait():
        raise BadInput("pack", "the text could not be made ready, as said above")


def compared(shown: RunConsole, params: Params, tokens: int) -> "Table":
    """The comparison, shown while it works; its table."""
    from tasks.champion import text_digest
    from tasks.compare.competing import compare as contest
    from tasks.compare.contest import prepared
    from tasks.compare.runs import ComparisonRuns
    from tasks.compare.table import comparison_table
    from tasks.thinning import thinned
    from tasks.work import fingerprint, what_decides

    tree = params.model_dump(by_alias=True, mode="json")
    # How often to save changes nothing of what comes out.
    del tree["pretrain"]["checkpoint_seconds"]
    decides = {name: tree[name] for name in ("seed", "model", "pretrain")}
    measured_on = thinned(CLEAN / "test", params.evaluate.held_out_bytes)
    decides |= {"tokens": tokens, "text": text_digest([each.text for each in measured_on])}
    work = WORK / "compare" / fingerprint(what_decides(decides, (TOKENS, TOKENIZER, CLEAN)))
    work.mkdir(parents=True, exist_ok=True)
    runs = ComparisonRuns(decides)
    shown.say(f"Each is trained on about {tokens:,} tokens; what is done is kept in {work}")
    try:
        results = contest(
            prepared(TOKENS, TOKENIZER, CLEAN, work, params, tokens),
            runs,
            showing=lambda name: progress_of(shown, name),
            say=lambda name, line: shown.line(name, line),
        )
    except KeyboardInterrupt:
        shown.say("Stopped; run again to go on.")
        raise
    if has_unshipped(runs.folder):
        shown.say("Waiting for MLflow to have everything ...")
        if not ship_all(SHIPPING_SECONDS, runs.folder):
            shown.say(
                "MLflow does not take it (.chatwright/tracking/shipping.log says why); "
                "what is missing there is sent by the next run."
            )
    return comparison_table(results)


def progress_of(shown: RunConsole, name: str) -> Progress:
    """Progress that is shown as a stage's is."""
    first: dict[str, tuple[float, float]] = {}

    def show(done: float, total: float | None, unit: str = "", **figures: float | str) -> None:
        now = time.monotonic()
        began, then = first.setdefault(unit, (done, now))
        left = (total - done) * (now - then) / (done - began) if total and done > began else None
        texts = [figure_text(key, value) for key, value in figures.items()]
        shown.progress(name, done, total, unit, left, texts)

    return show
