"""What ``chatwright run`` shows while it works: lines as they come, a bar a stage at work.

In a terminal the bars stay at the bottom; elsewhere (a log file, CI) each becomes a plain line
every few seconds.
"""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from tasks.progress import duration_text

# What DVC says of itself around a stage; the stage's own lines say enough.
OF_DVC = (
    "Running stage",
    "> python",
    "Generating lock file",
    "Updating lock file",
    "To track the changes",
    "\tgit add",
    "To enable auto",
    "\tdvc config",
    "Use `dvc",
    "ERROR: failed to reproduce",  # what follows it is said at the end
    "Stage '",
)


class RunConsole:
    """Shows the lines and the progress of stages; ``line`` is a listener of the flow's."""

    def __init__(self, seconds_between: float = 5.0) -> None:
        self.console = Console(highlight=False)
        self._seconds_between = seconds_between
        self._shown_at: dict[str, float] = {}
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("  {task.description:<11}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> "RunConsole":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, markup=True, soft_wrap=True)

    def line(self, stage: str, line: str) -> None:
        """Print what a stage says."""
        if line.startswith(OF_DVC):
            return
        text = line.removeprefix(f"{stage}: ")
        if text.startswith("done in ") or text == "nothing changed":
            self._take_away(stage)
        self._progress.console.print(
            f"  {stage:<11} {text}", markup=False, soft_wrap=True, style=None
        )

    def progress(
        self,
        stage: str,
        done: float,
        total: float | None,
        unit: str,
        seconds_left: float | None,
        figures: list[str],
    ) -> None:
        """Show how far a stage is."""
        amount = f"{done:,.0f} {unit}" if total is None else f"{done:,.0f}/{total:,.0f} {unit}"
        left = [] if seconds_left is None else [f"{duration_text(seconds_left)} left"]
        text = ", ".join([amount, *figures, *left])
        if self.console.is_terminal:
            if stage not in self._bars:
                self._bars[stage] = self._progress.add_task(stage, total=total, figures="")
            self._progress.update(self._bars[stage], completed=done, total=total, figures=text)
            return
        now = time.monotonic()
        if now - self._shown_at.get(stage, 0.0) >= self._seconds_between:
            self._shown_at[stage] = now
            self.line(stage, text)

    def _take_away(self, stage: str) -> None:
        if stage in self._bars:
            self._progress.remove_task(self._bars.pop(stage))
