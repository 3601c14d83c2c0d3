"""Errors as OpenAI's clients expect them, each with one sentence that says what to do.

Whatever goes wrong, a client gets ``{"error": {"message", "type", "param", "code"}}`` and never a
traceback; what is our own mistake is written to the server's log instead.
"""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chatwright.errors import ChatwrightError, ServiceUnavailable, UserError
from serving.schemas import CONTENT_TYPE, ErrorOut, Problem

log = logging.getLogger(__name__)

# Where a value may be one of several types, pydantic reports each type's objection; these say it
# once.
EITHER_OR = {
    "content": "has to be a text, or a list of parts of type text",
    "stop": "has to be a text, or a list of at most 4 texts",
}

JSON_TYPES: tuple[tuple[type, str], ...] = (
    (type(None), "null"),
    (bool, "a truth value"),
    (int, "a number"),
    (float, "a number"),
    (str, "a text"),
    (list, "a list"),
)


class Refused(Exception):
    """A request that is turned down: the status and the problem to answer with."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.problem = Problem.model_validate(
            {"message": message, "type": kind, "param": param, "code": code}
        )

    def response(self) -> JSONResponse:
        """The answer that says so."""
        headers = {"retry-after": "2"} if self.status == 503 else None
        content = ErrorOut(error=self.problem).model_dump()
        return JSONResponse(content, self.status, headers)


def refusal(error: Exception) -> Refused:
    """What a client is told about an error: the sentence if there is one for it, else an apology.

    A ``UserError`` is the request's fault (400), ``ServiceUnavailable`` passes (503); anything
    else is ours (500) and is logged with its traceback.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, UserError):
        return Refused(400, str(error), param="messages", code="invalid_request")
    if isinstance(error, ServiceUnavailable):
        return Refused(503, str(error), code="overloaded")
    log.error("a reply failed", exc_info=error)
    if isinstance(error, ChatwrightError):
        return Refused(500, str(error), code="internal_error")
    return Refused(
        500, "The server made a mistake; its log says which. Try again.", code="internal_error"
    )


def require_json(request: Request) -> None:
    """Refuse a body that does not say it is JSON.

    This is also what keeps other web pages out: a browser lets them send text or forms to this
    server unasked, but not JSON.
    """
    given = request.headers.get("content-type", "")
    if given.split(";")[0].strip().lower() != CONTENT_TYPE:
        raise Refused(
            415,
            f"The content type is {given or 'missing'}. Send the header Content-Type: "
            f"{CONTENT_TYPE}.",
            code="unsupported_media_type",
        )


def invalid(errors: list[dict[str, Any]], *, empty: bool = False) -> Refused:
    """One of pydantic's errors about a body, as a sentence.

    Args:
        errors: all of them; one with a sentence of our own goes before pydantic's.
        empty: whether there was no body at all, which pydantic takes for null.
    """
    error = next((one for one in errors if one["type"] == "chatwright"), errors[0])
    ours = error["type"] == "chatwright"
    place = [part for part in error["loc"] if part != "body"]
    if error["type"] == "json_invalid":
        message = f"The body is not valid JSON: {error['ctx']['error']} at character {place[0]}."
        return Refused(400, message, code="invalid_json")
    if empty:
        return Refused(400, "The body is empty. Send JSON.", code="invalid_json")
    if not place and ours:
        return Refused(400, f"{error['msg']}.", param=error["ctx"]["param"], code="invalid_value")
    if not place:
        found = next(name for kind, name in JSON_TYPES if isinstance(error["input"], kind))
        message = f"The body has to be a JSON object; it is {found}."
        return Refused(400, message, code="invalid_value")

    for depth, part in enumerate(place):
        if part in EITHER_OR:
            if not ours:
                path = ".".join(map(str, place[: depth + 1]))
                return Refused(400, f"{path}: {EITHER_OR[part]}.", param=path, code="invalid_value")
            del place[depth + 1 : depth + 2]  # pydantic's name of the type that objects
            break
    path = ".".join(map(str, place))
    if error["type"] == "missing":
        return Refused(400, f"{path}: is missing.", param=path, code="missing_required_parameter")
    what = error["msg"][0].lower() + error["msg"][1:]
    given = error.get("input")
    if isinstance(given, int | float | str) and len(shown := repr(given)) <= 80:
        what += f"; it is {shown}"
    return Refused(400, f"{path}: {what}.", param=path, code="invalid_value")


def unreadable(cause: BaseException | None) -> str:
    """Why a body could not be parsed, where it is not the JSON that is wrong."""
    if isinstance(cause, UnicodeDecodeError):
        return "The body is not in UTF-8, as JSON has to be"
    if isinstance(cause, RecursionError):
        return "The JSON of the body is nested too deep"
    if isinstance(cause, ValueError):  # the only other one of Python's parser
        return "The JSON of the body holds a whole number of too many digits"
    return "The body cannot be read as JSON"


def answer_errors(app: FastAPI) -> None:
    """Make the app answer every error in OpenAI's shape."""

    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        empty = not await request.body()
        return invalid(list(error.errors()), empty=empty).response()

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
        path = request.url.path
        message = {
            400: f"{unreadable(error.__cause__)}.",
            404: f"There is nothing at {path}. The API is at /v1, the chat page at /.",
            405: f"{path} does not take {request.method} requests.",
        }.get(error.status_code, f"{error.detail}.")
        response = Refused(error.status_code, message, code=code).response()
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def _ours(request: Request, error: Exception) -> JSONResponse:
        return refusal(error).response()
