"""Run the stage: ``python -m tasks.preprocess``."""

from tasks.preprocess.preprocess import preprocess
from tasks.stage import Stage


def main() -> None:
    """Turn ``data/raw`` into ``data/clean`` and ``data/rejected``."""
    with Stage("preprocess") as stage:
        raw = stage.input("data/raw")
        clean, rejected = stage.output("data/clean"), stage.output("data/rejected")
        report = preprocess(raw, clean, rejected, stage.params.preprocess, progress=stage.progress)
        splits = ", ".join(f"{count} {split}" for split, count in report.documents.items())
        stage.log(f"{splits}; rejected: {report.rejected or 'none'}")
        stage.report(report)
        from tasks.corpus_page.attach import attach_page  # matplotlib, once all else has succeeded

        attach_page(stage, raw, clean, rejected)


if __name__ == "__main__":
    main()
