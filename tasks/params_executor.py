"""The section ``executor`` of params.yaml: where the work of a stage is done."""

import re
from typing import Annotated

from pydantic import AfterValidator

from tasks.params_section import NumberOrAuto, Section


def _is_address(value: str) -> str:
    if not re.fullmatch(r"[a-z]+://[^/\s]+:\d+/?", value):
        raise ValueError("is no address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    return value


class ExecutorParams(Section):
    """How many processes work, or whose; not part of any fingerprint, as it decides no result."""

    workers: NumberOrAuto = "auto"
    address: Annotated[str, AfterValidator(_is_address)] | None = None
