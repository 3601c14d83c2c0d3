"""The finetune stage: ``python -m tasks.finetune``.

Teaches the base model (``artifacts/base``) to answer, with conversations out of the corpus's
documents and the dialogues; the result is ``artifacts/chat``.
"""

from pathlib import Path

from tasks.finetune.chat import finetune
from tasks.preprocess.evaluation_sets import evaluation_files
from tasks.stage import Stage


def main() -> None:
    """Run the stage."""
    with Stage("finetune") as stage:
        documents, dialogues = stage.input("data/clean/train"), stage.input("data/dialogues")
        base = stage.input("artifacts/base")
        params = stage.params
        evaluated = [Path(name) for name in evaluation_files(params)]
        for file in evaluated:
            if file.exists():  # else reading it says what is wrong
                stage.input(file)
        decides = {
            "seed": params.seed,
            "context_length": params.pack.context_length,
            "finetune": params.finetune.model_dump(mode="json", exclude={"checkpoint_seconds"}),
        }
        result = finetune(
            documents,
            dialogues,
            base,
            stage.output("artifacts/chat"),
            stage.work(documents, dialogues, base, *evaluated, params=decides),
            params.finetune,
            params.seed,
            evaluated=evaluated,
            context_length=params.pack.context_length,
            progress=stage.progress,
            metrics=stage.metrics,
            say=stage.log,
        )
        stage.text("samples.md", result.samples)
        stage.report(result.report)


if __name__ == "__main__":
    main()
