"""As much of Hugging Face's hub as its library asks for: data sets with commits, cards and files."""

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Commit:
    """What stands in a data set at one commit."""

    sha: str
    files: dict[str, bytes] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)


class Hub(BaseHTTPRequestHandler):
    """``sets`` are the data sets: by name, by branch, the commit; ``gated`` may be listed, not read;
    ``asked`` gets the path of every request."""

    sets: dict[str, dict[str, Commit]]
    gated: set[str]
    asked: list[str]
    down: bool

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.asked.append(path)
        if self.down:
            return self._answer(503, b"")
        is_api = path.startswith("/api/datasets/")
        parts = path.removeprefix("/api").removeprefix("/datasets/").split("/")
        name, rest = "/".join(parts[:2]), parts[2:]
        if name not in self.sets:
            return self._answer(401, b"", "RepoNotFound")
        if not rest:
            rest = ["revision", "main"]
        commits = self.sets[name]
        below = "/".join(rest[1:])
        for branch, commit in commits.items():
            for revision in (branch, commit.sha):
                if below == revision or below.startswith(revision + "/"):
                    inside = below[len(revision) + 1 :]
                    return self._about(is_api, name, rest[0], commit, inside)
        return self._answer(404, b"", "RevisionNotFound")

    do_HEAD = do_GET

    def _about(self, is_api: bool, name: str, kind: str, commit: Commit, inside: str) -> None:
        if is_api and kind == "revision":
            about = {
                "id": name,
                "sha": commit.sha,
                "cardData": commit.card,
                "siblings": [{"rfilename": path} for path in commit.files],
            }
            return self._answer(200, json.dumps(about).encode())
        if is_api and kind == "tree":
            prefix = inside + "/" if inside else ""
            found = [
                {"type": "file", "path": path, "size": len(data), "oid": str(hash(data))}
                for path, data in commit.files.items()
                if path.startswith(prefix) and "/" not in path[len(prefix) :]
            ]
            if not found:
                return self._answer(404, b"", "EntryNotFound")
            return self._answer(200, json.dumps(found).encode())
        if name in self.gated:
            return self._answer(403, b"", "GatedRepo")
        if kind == "resolve" and inside in commit.files:
            return self._answer(200, commit.files[inside])
        return self._answer(404, b"", "EntryNotFound")

    def _answer(self, status: int, data: bytes, error: str = "") -> None:
        asked = self.headers.get("Range")
        size, headers = len(data), {"X-Error-Code": error} if error else {}
        if asked and status == 200:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or size), size - 1)
            status, data = 206, data[start : end + 1]
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), "ETag": '"e"', **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass
