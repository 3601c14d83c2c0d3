"""Which stages the coming build will run, as far as that can be told before it.

    will_run("pretrain", load_params())

DVC tells of a stage whether it has work once those before it are done. Here it is asked at the
beginning, of a stage and all before it: new choices, new text and new files between two stages
count as new for all that follow; new code of ingest to pack counts for none but the stage itself,
since it mostly makes what it made before.

Not covered: text that is new and changes nothing, as the copy of a file: it is taken for work.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from tasks.lineage import locked_stages
from tasks.params import Params

ORDER = ("ingest", "preprocess", "tokenizer", "pack", "pretrain", "finetune")
TRAINS = ("pretrain", "finetune")
CODE = ("tasks", "model")


def will_run(stage: str, params: Params) -> bool:
    """Whether a stage of ``ORDER`` will have work.

    Args:
        stage: its name.
        params: what the build is to be made with; params.yaml may not say so yet.

    Raises:
        BadInput: dvc.lock is damaged.
    """
    chain = ORDER[: ORDER.index(stage) + 1]
    locked = locked_stages()
    if any(name not in locked or has_other_choices(locked[name], params) for name in chain):
        return True
    return has_other_files(chain)


def has_other_choices(locked: Mapping[str, Any], params: Params) -> bool:
    """Whether a stage was built with other parameters; those that it lacks count as their defaults.

    Args:
        locked: the stage's part of dvc.lock.
        params: what it is to be built with.
    """
    for key, built_with in locked.get("params", {}).get("params.yaml", {}).items():
        chosen: Any = params
        for part in key.split("."):
            chosen = getattr(chosen, part, None)
        if isinstance(chosen, BaseModel):
            try:
                built_with = type(chosen).model_validate(built_with)
            except ValidationError:
                return True
        if built_with != chosen:
            return True
    return False


def has_other_files(chain: Iterable[str]) -> bool:
    """Whether DVC finds other files than the last of some stages in a row was built from, or what
    it made is gone, from here or from DVC's cache.

    False where DVC cannot tell: it says so itself when it is to run them.

    What a stage before has made and is gone is made anew, and alike, unless it was trained.
    """
    from dvc.dependency import ParamsDependency  # half a second, and not all who check need it
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    *_, last = chain
    try:
        with Repo() as repo:
            for name in chain:
                [stage] = repo.stage.collect(name)
                is_own = name == last or name in TRAINS
                for read in stage.deps:
                    if isinstance(read, ParamsDependency) or not read.exists:
                        continue
                    is_code = read.def_path.partition("/")[0] in CODE
                    if (is_own or not is_code) and read.changed_checksum():
                        return True
                if is_own and any(made.status() for made in stage.outs):
                    return True
    except (DvcException, OSError):
        pass
    return False
