"""Run the stage: ``python -m tasks.preprocess``."""

from pathlib import Path

from tasks.params import Params
from tasks.preprocess.preprocess import preprocess
from tasks.stage import Stage


def main() -> None:
    """Turn ``data/raw`` into ``data/clean`` and ``data/rejected``."""
    with Stage("preprocess") as stage:
        evaluated = evaluation_files(stage.params)
        for name in evaluated:
            if Path(name).exists():  # else reading it says what is wrong, before the corpus is read
                stage.input(name)
        report = preprocess(
            stage.input("data/raw"),
            stage.output("data/clean"),
            stage.output("data/rejected"),
            stage.params.preprocess.model_copy(update={"decontaminate": evaluated}),
            progress=stage.progress,
        )
        splits = ", ".join(f"{count} {split}" for split, count in report.documents.items())
        stage.log(f"{splits}; rejected: {report.rejected or 'none'}")
        stage.report(report)


def evaluation_files(params: Params) -> list[str]:
    """What the corpus must not hold: the sets listed for that, and what the build is asked anyway.

    A file of questions in which there is none yet asks nothing.
    """
    asked = Path(params.evaluate.questions)
    is_empty = asked.is_file() and not asked.read_bytes().strip()
    listed = params.preprocess.decontaminate
    return list(dict.fromkeys(listed if is_empty else [*listed, params.evaluate.questions]))


if __name__ == "__main__":
    main()
