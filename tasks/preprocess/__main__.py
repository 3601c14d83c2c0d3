"""The preprocess stage: ``python -m tasks.preprocess``.

Makes ``data/raw`` into a clean corpus, split by the content's hash (``data/clean``); what was
dropped stands with its reason in ``data/rejected``. Labelled texts are varied, if wanted, into
``data/augmented``.
"""

from collections.abc import Mapping
from pathlib import Path

from tasks.preprocess.augmentation import augment
from tasks.preprocess.evaluation_sets import evaluation_files
from tasks.preprocess.preprocess import preprocess
from tasks.row_tables import without_pandas
from tasks.stage import Stage


def main() -> None:
    """Turn ``data/raw`` into ``data/clean`` and ``data/rejected``, and labelled texts into more."""
    without_pandas()
    with Stage("preprocess") as stage:
        evaluated = evaluation_files(stage.params)
        for name in evaluated:
            if Path(name).exists():  # else reading it says what is wrong, before the corpus is read
                stage.input(name)
        copies = augment(
            stage.input("data/labelled"), stage.output("data/augmented"), stage.params.preprocess
        )
        raw = stage.input("data/raw")
        clean, rejected = stage.output("data/clean"), stage.output("data/rejected")
        params = stage.params.preprocess.model_copy(update={"decontaminate": evaluated})
        report = preprocess(
            raw,
            clean,
            rejected,
            params,
            kept=stage.kept(),
            before=(Path("data/clean"), Path("data/rejected")),
            executor=stage.params.executor,
            progress=stage.progress,
        )
        stage.log(f"{report.work}")
        splits = ", ".join(f"{count} {split}" for split, count in report.documents.items())
        stage.log(f"{splits}; rejected: {report.rejected or 'none'}")
        for name, each in report.earlier_corpora.items():
            stage.has_read(name, each.content)
            at = f" (commit {each.commit[:7]})" if each.commit else ""
            stage.log(
                f"{name}{at}, {each.documents:,} documents: has {each.equal:,} of the new ones,"
                f" almost {each.near:,} more"
            )
        if report.stand_ins:
            stage.log(
                f"so few documents that none fell into some split: {report.stand_ins} stand in;"
                " with more text that is left to each document's own hash"
            )
        if learnt := report.classifier:
            stage.log(
                f"classifier: of samples held out, {learnt.held_out_good_kept:.0%} of the good"
                f" would stay and {learnt.held_out_bad_dropped:.0%} of the bad would go"
            )
        if copies is not None:
            report.augmented = copies
            stage.log(f"copies of labelled texts: {listed(copies.copies) or 'none'}")
            if copies.left_alone:
                stage.log(f"labelled texts without copies: {listed(copies.left_alone)}")
        stage.report(report)
        from tasks.corpus_page.attach import attach_page  # matplotlib, once all else has succeeded

        attach_page(stage, raw, clean, rejected)


def listed(counts: Mapping[str, int]) -> str:
    """Counts by name, for a line of the log."""
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


if __name__ == "__main__":
    main()
