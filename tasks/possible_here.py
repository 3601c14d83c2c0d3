"""What params.yaml asks of this machine: refused before the first stage where it cannot be had.

    check_here(load_params())

The stages' own checks are run, those of them that need neither text nor weights: optional packages
of ``ingest`` and ``preprocess``; devices, precision, shares of a batch and the shape of the model.

Notable choices: a process of its own runs them, since they bring torch (3 to 5 seconds, 300 MB),
which whoever drives the stages has no other use for. A stage that will have no work
(stages_ahead.py) is not asked: it may have been trained elsewhere (docs/more-devices.md).

Not covered: what only text or weights can tell, as a batch that is larger than the corpus, or that
labelled texts to augment are Chinese, which takes a package.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from chatwright.errors import BadParameter, ChatwrightError
from tasks.params import Params, check_params
from tasks.params_ingest import IngestParams, NamedFilesParams
from tasks.stages_ahead import TRAINS, will_run

CHECKED = ("ingest", "preprocess", "pretrain", "finetune")
"""The stages that have such checks."""

REFUSED = 2
STAND_IN_VOCABULARY = 4096


def check_here(params: Params) -> None:
    """See that this machine has what the stages that will have work ask of it.

    Raises:
        BadParameter: it has not; with the stage's own sentence.
    """
    asked = [stage for stage in CHECKED if is_asked(stage, params)]
    # Asking takes a second: where the last training has no work, one before it has none.
    last = next((stage for stage in reversed(asked) if stage in TRAINS), None)
    if last is not None and not will_run(last, params):
        asked = [stage for stage in asked if stage not in TRAINS]
    stages = [stage for stage in asked if will_run(stage, params)]
    if stages:
        told = {"stages": stages, "params": params.model_dump(by_alias=True, mode="json")}
        if (refusal := _refusal(json.dumps(told))) is not None:
            raise BadParameter(*refusal)


def is_asked(stage: str, params: Params) -> bool:
    """Whether a stage may ask for what is not everywhere: the first two hardly ever want a package,
    and whether it is there takes up to two seconds to find out."""
    if stage in ("ingest", "preprocess") and params.executor.address is not None:
        return True
    if stage == "ingest":
        return any(addresses(params.ingest))
    preprocess = params.preprocess
    return (
        stage != "preprocess" or preprocess.simplify_chinese or "name" in preprocess.personal_data
    )


def addresses(params: IngestParams) -> Iterator[tuple[str, str]]:
    """What is to be read from elsewhere, each with the key that names it."""
    for source in params.sources:
        named = getattr(params, source.replace("-", "_"))
        if isinstance(named, NamedFilesParams):
            yield from ((f"ingest.{source}.paths", path) for path in named.paths if "://" in path)
    if "folder" in params.sources:
        yield from (("ingest.folder.addresses", address) for address in params.folder.addresses)


@cache
def _refusal(asked: str) -> tuple[str, str, str] | None:
    """Where, what and remedy of what a process of its own has refused; None: nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "tasks.possible_here"], input=asked, capture_output=True, text=True
    )
    if done.returncode != REFUSED:
        return None  # where it failed otherwise, so will the stage, and say why
    where, what, remedy = json.loads(done.stdout.splitlines()[-1])
    return where, what, remedy


def check_stage(stage: str, params: Params) -> None:
    """Run the checks of one stage, in this process.

    Raises:
        BadParameter, MissingInput: what the stage itself would raise.
    """
    if stage in ("ingest", "preprocess") and params.executor.address is not None:
        from tasks import executor

        executor.check_package(params.executor.address)
    if stage == "ingest":
        from tasks.ingest.remote import check_package, scheme_of

        for key, address in addresses(params.ingest):
            check_package(scheme_of(address, key), f"{key}, {address}")
    elif stage == "preprocess":
        from tasks.preprocess.forms import Form

        Form(params.preprocess)
    elif stage == "pretrain":
        check_pretrain(params)
    else:
        from model.options import check
        from tasks.training import training_options

        chosen = params.finetune
        options = training_options(
            chosen,
            params.pack.context_length,
            params.seed,
            batch_size=chosen.batch_size,
            learning_rate=chosen.learning_rate,
            section=stage,
        )
        check(options, masking=None, validates=True)


def check_pretrain(params: Params) -> None:
    """Run those of ``pretrain``.

    Raises:
        BadParameter: what the stage itself would raise.
    """
    from model.hub import RANDOM
    from model.options import check
    from tasks.initial import check_beside_weights, initial_config
    from tasks.pretrain_options import check_sides, devices_here, pretraining_options

    chosen, context_length = params.pretrain, params.pack.context_length
    devices_here(chosen, params.model)
    check_beside_weights(params.model)
    if params.model.init == RANDOM:  # else the shape is that of weights, which may be far away
        vocab_size = params.tokenizer.vocab_size or STAND_IN_VOCABULARY
        initial_config(params.model, vocab_size=vocab_size, context_length=context_length)
        check_sides(chosen.objective, params.model.architecture)
    options = pretraining_options(
        chosen,
        params.model,
        context_length,
        params.seed,
        batch_size=chosen.accumulate if chosen.batch_size == "auto" else chosen.batch_size,
    )
    # Whether there is a mask token only the tokenizer can tell.
    check(replace(options, objective="causal"), masking=None, validates=True)


def main() -> None:
    """Check what stands on the input; a refusal goes to the output, with the status ``REFUSED``."""
    asked = json.load(sys.stdin)
    params = check_params(asked["params"])
    for stage in asked["stages"]:
        try:
            check_stage(stage, params)
        except ChatwrightError as error:
            print(json.dumps([error.where, error.what, error.remedy]))
            sys.exit(REFUSED)


if __name__ == "__main__":
    main()
