"""The whole line: text in, a registered assistant out.

    chatwright run                     here and now
    prefect deploy --name nightly      on a schedule (prefect.yaml)

Each step is a DVC stage (dvc.yaml says what it reads and writes); what is up to date is passed
over. The order below is that of dvc.yaml.
"""

from dataclasses import asdict, dataclass
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.futures import PrefectFuture, wait

from flows.stages import run_stage, stopped_by_signals
from tasks.headlines import headline
from tasks.params import load_params
from tasks.possible_here import check_here
from tasks.tracking.spool import close_build


@dataclass(frozen=True)
class StageResult:
    """What became of a stage: ``Completed`` or ``Cached``, its seconds, its main figures."""

    stage: str
    state: str
    seconds: float
    figures: str


def stage(name: str, *after: PrefectFuture[Any]) -> PrefectFuture[Any]:
    """Bring a stage up to date once the ones it follows are."""
    named = run_stage.with_options(name=name, task_run_name=name)
    return named.submit(name, wait_for=list(after), return_state=False)


@flow(name="build", retries=0, persist_result=False)
def build() -> list[StageResult]:
    """Build the assistant from the corpus.

    Returns:
        What became of each stage, in order.

    Raises:
        BadParameter: the machine that builds has not what params.yaml asks for.
        StageFailed: the first stage that failed, with its own sentence.
    """
    check_here(load_params())
    with stopped_by_signals():
        ingest = stage("ingest")
        preprocess = stage("preprocess", ingest)
        tokenizer = stage("tokenizer", preprocess)
        pack = stage("pack", tokenizer)
        pretrain = stage("pretrain", pack)
        finetune = stage("finetune", pretrain)
        compress = stage("compress", finetune)
        index = stage("index", preprocess)  # beside the training
        evaluate = stage("evaluate", compress, index)
        register = stage("register", evaluate)

        results = outcome(
            ingest=ingest,
            preprocess=preprocess,
            tokenizer=tokenizer,
            pack=pack,
            pretrain=pretrain,
            finetune=finetune,
            compress=compress,
            index=index,
            evaluate=evaluate,
            register=register,
        )
    close_build()
    create_table_artifact(
        key="build",
        table=[asdict(result) for result in results],
        description="What became of each stage, and its main figures.",
    )
    return results


def outcome(**stages: PrefectFuture[Any]) -> list[StageResult]:
    """Wait for all stages and say what became of each.

    Raises:
        StageFailed: the first that failed.
    """
    wait(list(stages.values()))
    for future in stages.values():
        if future.state.is_failed() or future.state.is_crashed():
            future.result()
    return [
        StageResult(name, str(future.state.name), round(future.result(), 1), headline(name))
        for name, future in stages.items()
    ]
