"""What goes over the wire: OpenAI's chat completions, with ``citations`` added.

Requests are read strictly where a wrong value would change the answer and leniently elsewhere:
fields that only label a request (``user``, ``metadata``, ...) are ignored, those that ask for
something this server cannot do (``tools``, ``n: 2``, ...) are refused, so that nobody takes an
answer for what it is not. The shapes follow
https://platform.openai.com/docs/api-reference/chat
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

CONTENT_TYPE = "application/json"

# Fields of OpenAI's that ask for work this server does not do, with the values that ask nothing.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "tools": (None, []),
    "functions": (None, []),
    "tool_choice": (None, "none", "auto"),
    "function_call": (None, "none", "auto"),
    "response_format": (None, {"type": "text"}),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "logit_bias": (None, {}),
    "presence_penalty": (None, 0),
    "frequency_penalty": (None, 0),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "web_search_options": (None,),
}


def wrong(what: str, param: str | None = None) -> PydanticCustomError:
    """A validation error with a sentence of our own.

    Args:
        what: the sentence, without a full stop at the end.
        param: the field that it is about, where pydantic cannot know: the error is the body's.
    """
    return PydanticCustomError("chatwright", "{what}", {"what": what, "param": param})


def encodable(text: str) -> str:
    """The text, refused when it holds half a surrogate pair: no encoding can write that."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise wrong("holds half of a surrogate pair, which is not a character")
    return text


Text = Annotated[str, AfterValidator(encodable)]


class TextPart(BaseModel):
    """A part of a message; text is the only kind that this server reads."""

    type: Literal["text"]
    text: Text


class ChatMessage(BaseModel):
    """One turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart] | None = None

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if self.content is None and self.role != "assistant":
            raise wrong("has no content")
        return self

    def plain(self) -> dict[str, str]:
        """The turn as the chat template takes it: one string, ``developer`` as ``system``."""
        content = self.content or ""
        if not isinstance(content, str):
            content = "".join(part.text for part in content)
        return {"role": self.role.replace("developer", "system"), "content": content}


class StreamOptions(BaseModel):
    """What a stream says beside its text."""

    include_usage: StrictBool = False


class ChatRequest(BaseModel):
    """The body of ``POST /v1/chat/completions``."""

    model_config = ConfigDict(extra="allow")  # the extras are judged by ``_asks_for_what_is_here``

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    model: Text | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(strict=True, ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(strict=True, ge=1)] | None = None
    temperature: Annotated[float, Field(strict=True, ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)] | None = None
    seed: Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)] | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None

    @model_validator(mode="after")
    def _asks_for_what_is_here(self) -> Self:
        for name, value in (self.model_extra or {}).items():
            if name in NEUTRAL and value not in NEUTRAL[name]:
                raise wrong(f"{name} is not supported by this server; leave it out", name)
        if self.stream_options is not None and not self.stream:
            raise wrong("stream_options needs stream: true", "stream_options")
        if "" in self.stops:
            raise wrong("stop must not be an empty string", "stop")
        last = self.messages[-1]
        if last.role != "user":
            raise wrong(
                f"the last message is the {last.role}'s; it has to be the user's question",
                "messages",
            )
        question = last.plain()["content"]
        if not question.strip():
            what = "holds nothing but white space" if question else "is empty"
            raise wrong(f"the last message {what}; write the question into its content", "messages")
        return self

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end a reply."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class CitationOut(BaseModel):
    """A passage that the reply was made from; ``score`` says how well it fits, from 0 to 1."""

    model_config = ConfigDict(from_attributes=True)

    document_id: str
    title: str
    url: str | None
    quote: str
    score: float


class UsageOut(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Answer(BaseModel):
    """The reply's message."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """The reply; there is always exactly one."""

    index: Literal[0] = 0
    message: Answer
    finish_reason: str
    logprobs: None = None


class ChatCompletion(BaseModel):
    """The answer to a request that does not stream."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: UsageOut
    citations: list[CitationOut]


class Delta(BaseModel):
    """What a chunk adds to the message."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """The reply as far as a chunk carries it on."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: str | None = None


class ChatCompletionChunk(BaseModel):
    """One event of a stream. ``citations`` are on the last chunk, best first."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: UsageOut | None = None
    citations: list[CitationOut] | None = None


class Model(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["chatwright"] = "chatwright"


class ModelList(BaseModel):
    """The models that can be asked; there is exactly one."""

    object: Literal["list"] = "list"
    data: list[Model]


class Health(BaseModel):
    """That the server answers, and how much it has to do."""

    status: Literal["ok"] = "ok"
    model: str
    running: int
    waiting: int


class Problem(BaseModel):
    """What is wrong with a request; ``param`` is the field it is about."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None = None
    code: str | None = None


class ErrorOut(BaseModel):
    """OpenAI's shape of an error."""

    error: Problem
