"""The ingest stage: ``python -m tasks.ingest``.

Reads every source that ``ingest.sources`` names: documents into ``data/raw``, conversations into
``data/dialogues``, labelled texts and questions into ``data/labelled``. What it cannot use is
counted by reason in ``reports/ingest.json``, and some of it named. What files gave is kept in
``.chatwright/ingest``, so that the next run reads only new ones.
"""

from pathlib import Path

from tasks.ingest.ingest import ingest
from tasks.stage import Stage


def main() -> None:
    """Read the sources into ``data/raw``, ``data/dialogues`` and ``data/labelled``."""
    with Stage("ingest") as stage:
        params = stage.params.ingest
        if "folder" in params.sources and Path(params.folder.path).exists():
            stage.input(params.folder.path)
        report = ingest(
            params,
            stage.output("data/raw"),
            stage.output("data/dialogues"),
            stage.output("data/labelled"),
            progress=stage.progress,
            kept=stage.kept(),
            before=Path("data/raw"),
            executor=stage.params.executor,
        )
        for source, count in report.documents.items():
            stage.log(f"{source}: {count} documents, {report.dialogues[source]} dialogues")
            if labelled := report.labelled.get(source):
                stage.log(f"{source}: {labelled} labelled texts or questions")
            anew, kept = report.files_anew.get(source, 0), report.files_kept.get(source, 0)
            if anew or kept:
                stage.log(f"{source}: {anew} files read anew, {kept} as kept from an earlier run")
            for reason, times in report.left_out[source].items():
                stage.log(f"{source}: left out {times}: {reason}")
        for name, version in report.versions.items():
            stage.log(f"{name}: read at {version}")
        for line in report.firsts:
            stage.log(line)
        if more := len(report.named) - len(report.firsts):
            stage.log(f"reports/ingest.json names {more} more")
        stage.report(report)


if __name__ == "__main__":
    main()
