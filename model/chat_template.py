"""Chat templates: how a conversation is written for a model, as a Jinja program of its folder.

Templates of models from elsewhere are programs: they run in Jinja's immutable sandbox, with what
transformers gives them.
"""

import json
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def compiled(template: str | list[dict[str, str]] | None) -> Template | None:
    """A template, ready to be rendered; of several that have names, ``default``; None if none is.

    Raises:
        TemplateError: it is no Jinja.
    """
    if isinstance(template, list):
        template = next((t["template"] for t in template if t["name"] == "default"), None)
    if template is None:
        return None
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    return environment.from_string(template)


def _to_json(value: Any, indent: int | None = None) -> str:
    # Jinja's own filter escapes HTML, which a prompt is not.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)
