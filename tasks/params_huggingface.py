"""What the source ``huggingface`` may be told; see ``ingest.huggingface`` in params.yaml."""

from typing import Annotated

from pydantic import Field

from tasks.params_section import PositiveInt, Section

Name = Annotated[str, Field(min_length=1)]


class DatasetParams(Section):
    """One split of a data set on Hugging Face's hub, or of a folder laid out like one."""

    dataset: Name
    config: Name | None = None
    split: Name = "train"
    revision: Name | None = None
    text: Name | None = None
    title: Name | None = None
    limit: PositiveInt | None = None
