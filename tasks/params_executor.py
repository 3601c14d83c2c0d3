"""The section ``executor`` of params.yaml: where the work of a stage is done."""

from typing import Annotated

from pydantic import Field

from tasks.params_section import NumberOrAuto, Section


class ExecutorParams(Section):
    """How many processes work, or whose; not part of any fingerprint, as it decides no result."""

    workers: NumberOrAuto = "auto"
    address: Annotated[str, Field(min_length=1)] | None = None
