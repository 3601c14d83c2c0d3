"""What every request and response passes through: a limit on bodies, and security headers.

Plain ASGI, because a body that is too large has to be refused before anything reads it.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.schemas import ErrorOut, Problem

MEGABYTE = 1024 * 1024

# The page needs its own files and the API next to it, nothing else: whatever text a model or a
# document holds, the browser loads nothing and sends nothing for it.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class SecurityHeaders:
    """Adds ``HEADERS`` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self.headers]
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimit:
    """Refuses a request whose body is larger than ``limit_bytes``, with status 413.

    At most ``limit_bytes`` are held in memory. What a client goes on sending is read and thrown
    away up to ``patience_bytes``, because many clients look at the answer only after they have
    sent everything; one that announces more than that is answered at once and cut off.
    """

    def __init__(
        self, app: ASGIApp, limit_bytes: int = MEGABYTE, patience_bytes: int = 64 * MEGABYTE
    ) -> None:
        self.app, self.limit_bytes, self.patience_bytes = app, limit_bytes, patience_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        announced = int(headers.get(b"content-length", b"0"))  # the HTTP parser lets only digits by
        # A client that says "Expect: 100-continue" sends nothing before it is told to go on.
        if announced > self.limit_bytes and b"expect" in headers:
            await self._refuse(send)
            return

        body, seen, more = bytearray(), 0, announced <= self.patience_bytes
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            chunk = message.get("body", b"")
            seen += len(chunk)
            if max(seen, announced) <= self.limit_bytes:
                body += chunk
            more = message.get("more_body", False) and seen <= self.patience_bytes
        if max(seen, announced) > self.limit_bytes:
            await self._refuse(send)
            return

        pending: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def receive_again() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, receive_again, send)

    async def _refuse(self, send: Send) -> None:
        problem = Problem(
            message=f"The request is larger than {self.limit_bytes:,} bytes. Send less text.",
            type="invalid_request_error",
            code="request_too_large",
        )
        content = ErrorOut(error=problem).model_dump_json().encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": content})
