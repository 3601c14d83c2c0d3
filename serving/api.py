"""The HTTP interface: OpenAI's chat completions with citations, and the chat page.

    POST /v1/chat/completions   a reply, whole or as server-sent events
    GET  /v1/models             the one model that is served
    GET  /healthz               is it up, how busy is it
    GET  /                      the chat page (serving/page)

Notable choices:

- A stream's headers wait for its first piece, so that a request which cannot be answered still
  gets a proper status. An error after that is an event of its own.
- ``citations`` are on every chunk from the one with the finish reason on (with ``include_usage``
  there is one more after it), so that whoever looks at the last chunk finds them.
- A client that goes away cancels its reply, whether it streams or not.
- There is no authentication: put a proxy in front when others can reach the server.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from serving.engine import Engine, Reply, Replying, ReplyOptions
from serving.limits import BodyLimit, SecurityHeaders
from serving.refusals import Refused, answer_errors, refusal, require_json
from serving.schemas import (
    Answer,
    ChatCompletion,
    ChatCompletionChunk,
    ChatRequest,
    Choice,
    ChunkChoice,
    CitationOut,
    Delta,
    ErrorOut,
    Health,
    Model,
    ModelList,
    UsageOut,
)

if TYPE_CHECKING:  # the real module brings torch along
    from serving.assistant import Piece

T = TypeVar("T")

PAGE = Path(__file__).parent / "page"
DEFAULTS = ReplyOptions()


class ClientGone(Exception):
    """The client closed the connection, so there is nobody to answer."""


def create_app(assistant: Replying, model_name: str, *, engine: Engine | None = None) -> FastAPI:
    """The web application that serves an assistant.

    Args:
        assistant: what makes the replies.
        model_name: the name that clients ask for it by.
        engine: what runs the replies; by default one with the usual limits.
    """
    engine = engine or Engine(assistant)
    model = Model(id=model_name, created=int(time.time()))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(engine.close)

    # FastAPI's own documentation pages load their scripts from elsewhere, so they stay off; the
    # description they would show is at /openapi.json.
    app = FastAPI(title="Chatwright", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    answer_errors(app)

    def require_model(name: str | None) -> None:
        if name is not None and name != model.id:
            message = f"There is no model {name!r} here. Ask for {model.id!r}."
            raise Refused(404, message, param="model", code="model_not_found")

    @app.post(
        "/v1/chat/completions",
        response_model=ChatCompletion,
        responses={400: {"model": ErrorOut}},
        dependencies=[Depends(require_json)],
    )
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        require_model(body.model)
        reply = engine.submit([message.plain() for message in body.messages], options_of(body))
        try:
            if body.stream:
                pieces = aiter(reply)
                first = await unless_gone(request, reply, anext(pieces))
                usage_wanted = body.stream_options is not None and body.stream_options.include_usage
                return EventStream(reply, events(first, pieces, reply, model.id, usage_wanted))
            completion = await unless_gone(request, reply, whole(reply, model.id))
        except ClientGone:
            return Response(status_code=499)  # nobody reads it; 499 is nginx's word for the log
        except Exception as error:
            raise refusal(error) from error
        return JSONResponse(completion.model_dump())

    @app.get("/v1/models")
    async def models() -> ModelList:
        return ModelList(data=[model])

    @app.get("/v1/models/{name:path}")
    async def one_model(name: str) -> Model:
        require_model(name)
        return model

    @app.get("/healthz")
    async def healthz() -> Health:
        return Health(model=model.id, running=engine.running, waiting=engine.waiting)

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})

    app.mount("/page", PageFiles(directory=PAGE))

    return app


def options_of(body: ChatRequest) -> ReplyOptions:
    """The request's options, with our defaults for what it leaves out."""
    max_tokens = body.max_completion_tokens or body.max_tokens
    return ReplyOptions(
        max_tokens=DEFAULTS.max_tokens if max_tokens is None else max_tokens,
        temperature=DEFAULTS.temperature if body.temperature is None else body.temperature,
        top_p=DEFAULTS.top_p if body.top_p is None else body.top_p,
        seed=body.seed,
        stop=body.stops,
    )


async def unless_gone(request: Request, reply: Reply, work: Awaitable[T]) -> T:
    """The result of work on a reply, which is cancelled when the work ends without one.

    Raises:
        ClientGone: the client closed the connection first.
    """
    task = asyncio.ensure_future(work)
    # The body has been read, so the next thing to hear of the client is that it has gone.
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    except BaseException:
        reply.cancel()
        raise
    finally:
        task.cancel()
        gone.cancel()


async def whole(reply: Reply, model: str) -> ChatCompletion:
    """The reply in one piece."""
    text, reason, citations = "", "stop", []
    async for piece in reply:
        text += piece.text
        reason = piece.finish_reason or reason
        citations = citations_of(piece)
    return ChatCompletion(
        id=new_id(),
        created=int(time.time()),
        model=model,
        choices=[Choice(message=Answer(content=text), finish_reason=reason)],
        usage=usage_of(reply),
        citations=citations,
    )


async def events(
    first: "Piece", rest: "AsyncIterator[Piece]", reply: Reply, model: str, usage_wanted: bool
) -> AsyncIterator[str]:
    """The reply as server-sent events, one a piece, ``[DONE]`` at the end."""
    about: dict[str, Any] = {
        "id": new_id(),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }

    def event(delta: Delta, reason: str | None = None, **more: Any) -> str:
        choice = ChunkChoice(index=0, delta=delta, finish_reason=reason)
        return sent(ChatCompletionChunk(**about, choices=[choice], **more))

    try:
        yield event(Delta(role="assistant", content=""))
        piece = first
        while piece.finish_reason is None:
            if piece.text:
                yield event(Delta(content=piece.text))
            piece = await anext(rest)
        citations = citations_of(piece)
        if piece.text:
            yield event(Delta(content=piece.text))
        yield event(Delta(), piece.finish_reason, citations=citations)
        if usage_wanted:
            usage = usage_of(reply)
            yield sent(ChatCompletionChunk(**about, choices=[], usage=usage, citations=citations))
    except Exception as error:  # the status is sent already, so the stream itself has to say it
        yield sent(ErrorOut(error=refusal(error).problem))
    yield "data: [DONE]\n\n"


def sent(content: ChatCompletionChunk | ErrorOut) -> str:
    """One server-sent event; fields that nobody set are left out of it."""
    return f"data: {content.model_dump_json(exclude_unset=True)}\n\n"


def citations_of(piece: "Piece") -> list[CitationOut]:
    """The piece's citations as they go over the wire."""
    return [CitationOut.model_validate(citation) for citation in piece.citations or []]


def usage_of(reply: Reply) -> UsageOut:
    """The tokens of a reply that has been read to its end."""
    if reply.usage is None:
        raise RuntimeError("the assistant ended its reply without a finish reason")
    read, written = reply.usage.prompt_tokens, reply.usage.completion_tokens
    return UsageOut(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def new_id() -> str:
    """A name for one reply."""
    return f"chatcmpl-{uuid.uuid4().hex}"


class EventStream(StreamingResponse):
    """A stream that cancels its reply when it ends, however it ends."""

    def __init__(self, reply: Reply, content: AsyncIterator[str]) -> None:
        # The proxy nginx would otherwise hold the events back to send them in larger lots.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(content, headers=headers, media_type="text/event-stream")
        self.reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.reply.cancel()


class PageFiles(StaticFiles):
    """The page's files, checked for a newer version at each visit."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        response = super().file_response(*args, **options)
        response.headers["cache-control"] = "no-cache"
        return response
