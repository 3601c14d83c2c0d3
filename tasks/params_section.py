"""What every part of params.yaml is, and the kinds of numbers that stand in it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of params.yaml: unknown keys refused, values not changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
