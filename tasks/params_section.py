"""What every part of params.yaml is, and the kinds of numbers that stand in it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

Share = Annotated[float, Field(ge=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]


def _number_or_auto(value: Any) -> int | Literal["auto"]:
    # A union would name the type that did not fit as a part of the key.
    if value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError("it should be a whole number above 0 or auto")


NumberOrAuto = Annotated[int | Literal["auto"], PlainValidator(_number_or_auto)]


class Section(BaseModel):
    """A part of params.yaml: unknown keys refused, values not changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
