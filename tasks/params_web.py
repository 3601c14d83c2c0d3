"""What the source ``web`` may be told; see ``ingest.web`` in params.yaml."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from tasks.params_section import PositiveInt, Section


def _fetchable(address: str) -> str:
    try:
        parts = urlsplit(address)
        known = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # a wrong one raises only when it is asked for
    except ValueError:
        known = False
    if not known:
        raise ValueError("only http:// and https:// addresses are fetched")
    if parts.username is not None:
        raise ValueError("a name or password in an address would end up in every citation")
    return address


Address = Annotated[str, AfterValidator(_fetchable)]


class WebParams(Section):
    """The source ``web``: pages by address."""

    urls: list[Address] = []
    sitemaps: list[Address] = []
    max_pages: PositiveInt = 10_000
    delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    max_wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    recheck_hours: Annotated[float, Field(ge=0)] = 24.0
    contact: Annotated[str, Field(pattern=r"^[!-~]+$")] | None = None
    allow_private: bool = False
