"""Files under an address: read from real servers on this machine."""

import contextlib
import errno
import io
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import fsspec.registry  # noqa: F401
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from chatwright.errors import (
    BadInput,
    BadParameter,
    ChatwrightError,
    DiskFull,
    MissingInput,
    ServiceUnavailable,
)
from tasks.documents import Dialogue, Document, read_documents
from tasks.ingest.chat import chat
from tasks.ingest.ingest import IngestReport, ingest
from tasks.ingest.labelled import labelled
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.remote import RemoteFile, fetched
from tasks.params_ingest import (
    DialoguesParams,
    FolderParams,
    IngestParams,
    NamedFilesParams,
    PythonDocsParams,
)
from tasks.params_web import WebParams
from tasks.progress import silent
from tests.tasks.ingest.certificates import certificate

ROOT = str(Path(__file__).resolve().parents[3])


def talk(text: str) -> str:
    return json.dumps({"instruction": text, "output": "Hello"}) + "\n"


class Files(SimpleHTTPRequestHandler):
    """A folder over HTTP; a file named after a status is answered with it."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/half"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
        elif self.path[1:4].isdigit():
            self.send_error(int(self.path[1:4]))
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        if self.path.startswith("/half"):
            self.send_response(200)
            self.end_headers()
        elif self.path[1:4].isdigit():
            self.send_error(int(self.path[1:4]))
        else:
            super().do_HEAD()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the server gives, beside the folder to work in."""
    (tmp_path / "work/corpus").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


@pytest.fixture
def handler(folder: Path) -> type[Files]:
    class Served(Files):
        asked: list[str] = []

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

    return Served


@pytest.fixture
def root(handler: type[Files]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def read(*paths: str) -> list[Dialogue]:
    return list(chat(NamedFiles("chat", list(paths), FolderParams(), True), LeftOut()))


def said(dialogues: list[Dialogue]) -> list[str]:
    return [each.messages[0]["content"] for each in dialogues]


def test_a_file_over_http_is_read_like_one_in_the_folder(folder: Path, root: str) -> None:
    (folder / "a b.jsonl").write_text(talk("Hi"))
    Path("corpus/b.jsonl").write_text(talk("Bye"))
    found = read(f"{root}/a%20b.jsonl?download=true", "corpus/b.jsonl")
    assert [(each.id, *said([each])) for each in found] == [
        ("chat/b.jsonl#1", "Bye"),
        (f"chat/{root}/a%20b.jsonl?download=true#1", "Hi"),
    ]


def test_the_split_is_told_by_the_address(folder: Path, root: str) -> None:
    (folder / "dev.csv").write_text("text,label\nFine.,1\n")
    (text,) = labelled(NamedFiles("labelled", [f"{root}/dev.csv"], FolderParams(), True), LeftOut())
    assert (text.split, text.label) == ("validation", "1")


def test_what_has_not_changed_is_not_copied_again(
    folder: Path, root: str, handler: type[Files]
) -> None:
    (folder / "a.jsonl").write_text(talk("Hi"))
    assert said(read(f"{root}/a.jsonl")) == said(read(f"{root}/a.jsonl")) == ["Hi"]
    assert handler.asked == ["/a.jsonl"]
    (folder / "a.jsonl").write_text(talk("Hi again"))
    assert said(read(f"{root}/a.jsonl")) == ["Hi again"]
    copies = [path for path in Path(".chatwright/remote").rglob("*") if path.is_file()]
    assert [path.name for path in copies] == ["a.jsonl"]


def test_a_full_disk_is_told_as_that_and_keeps_no_half_copy(folder: Path) -> None:
    class Full(MemoryFileSystem):  # type: ignore[misc]
        def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
            Path(lpath).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fetched(RemoteFile("s3://b/a.jsonl", "1", Full()), "ingest.chat.paths", silent)
    assert not [path for path in Path(".chatwright").rglob("*") if path.is_file()]


def test_of_a_file_of_which_only_the_size_is_told_each_version_is_read(
    folder: Path, root: str, handler: type[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    send = handler.send_header
    told = {"Content-Length", "Content-Type"}
    monkeypatch.setattr(
        handler, "send_header", lambda self, key, value: key in told and send(self, key, value)
    )
    (folder / "a.jsonl").write_text(talk("One"))
    assert said(read(f"{root}/a.jsonl")) == ["One"]
    (folder / "a.jsonl").write_text(talk("Two"))
    assert said(read(f"{root}/a.jsonl")) == ["Two"]


PRIVATE = (
    "leads to a machine in a private network, and ingest.web.allow_private is false. Name another,"
    " or set ingest.web.allow_private to true if such machines may be asked."
)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_private_networks_are_not_asked_unless_allowed(
    folder: Path, root: str, handler: type[Files], host: str
) -> None:
    (folder / "a.jsonl").write_text(talk("Secret"))
    address = f"{root}/a.jsonl".replace("127.0.0.1", host)
    with pytest.raises(BadInput) as error:
        NamedFiles("chat", [address], FolderParams()).check()
    assert str(error.value) == f"ingest.chat.paths, {address}: {PRIVATE}"
    assert handler.asked == []


def test_a_redirect_into_a_private_network_is_not_followed(
    folder: Path, root: str, handler: type[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in for the public server is the loopback's first address."""
    (folder / "a.jsonl").write_text(talk("Secret"))

    def redirect(self: Files) -> None:
        self.send_response(302)
        self.send_header("Location", f"{root.replace('127.0.0.1', '127.0.0.2')}/a.jsonl")
        self.end_headers()

    monkeypatch.setattr(handler, "do_HEAD", redirect)
    monkeypatch.setattr(handler, "do_GET", redirect)
    monkeypatch.setattr(
        "tasks.ingest.public_sessions.is_public", lambda number: number == "127.0.0.1"
    )
    with pytest.raises(BadInput, match="leads to a machine in a private network"):
        NamedFiles("chat", [f"{root}/a.jsonl"], FolderParams()).check()


def test_behind_a_proxy_numbers_of_private_networks_are_not_asked_for(
    folder: Path, root: str, handler: type[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy, here the server itself, may stand in one."""
    (folder / "a.jsonl").write_text(talk("Hi"))
    monkeypatch.setenv("http_proxy", root)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(BadInput, match="leads to a machine in a private network"):
        NamedFiles("chat", ["http://10.0.0.1/a.jsonl"], FolderParams()).check()
    with pytest.raises(MissingInput):  # the proxy has answered
        NamedFiles("chat", ["http://example.com/none.jsonl"], FolderParams()).check()


def test_an_answer_without_an_end_does_not_fill_the_disk(
    folder: Path, root: str, handler: type[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(self: Files) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            while self.command == "GET":
                self.wfile.write(b"x" * 2**16)

    usage = shutil.disk_usage(".")._replace(free=2**30 + 10**6)
    monkeypatch.setattr("tasks.ingest.remote.shutil.disk_usage", lambda path: usage)
    monkeypatch.setattr(handler, "do_GET", endless)
    monkeypatch.setattr(handler, "do_HEAD", endless)
    with pytest.raises(DiskFull, match=r"a\.jsonl: is larger than what the disk has room for \(1"):
        read(f"{root}/a.jsonl")
    assert not [path for path in Path(".chatwright").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("hf://datasets/o/n@r/x%2F..%2F..%2F..%2F..%2Fevil.parquet", "x_2F.._2F.._2F.._2F.._2Fevil.parquet"),
        ("http://h/x%2F..%2F..%2F..%2F..%2Fevil.parquet", "evil.parquet"),
        ("http://h/..%5C..%5Cevil.csv?a=/b", "_.._evil.csv"),
        ("http://h/%2E%2E", "index"),
        ("https://h/a%00.jsonl", "a_.jsonl"),
        ("s3://b/C#.jsonl", "C_.jsonl"),
        ("s3://b/what?.jsonl", "what_.jsonl"),
        ("s3://b/a%00.jsonl", "a_00.jsonl"),
        ("s3://b/\0.jsonl", "_.jsonl"),
        ("s3://b/" + "\U00020000" * 250 + ".jsonl", "\U00020000" * 54 + ".jsonl"),
    ],
)  # fmt: skip
def test_a_copy_stays_in_its_folder_and_keeps_its_ending(
    folder: Path, address: str, name: str
) -> None:
    system = MemoryFileSystem()
    system.pipe(address, b"text")
    copy = fetched(RemoteFile(address, "1", system), "ingest.chat.paths", silent)
    assert copy.name == name and copy.read_bytes() == b"text"
    assert copy.resolve().is_relative_to(Path(".chatwright/remote").resolve())


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("/none.jsonl", MissingInput, "there is no such file. Mend the name."),
        ("/403.jsonl", BadInput, "may not be read by you."),
        ("/500.jsonl", ServiceUnavailable, "the server answered 500."),
        ("/half.jsonl", ServiceUnavailable, "the server does not give it: "),
    ],
)
def test_what_cannot_be_had_is_one_sentence(
    root: str, path: str, kind: type[ChatwrightError], sentence: str
) -> None:
    with pytest.raises(kind) as error:
        read(root + path)
    assert str(error.value).startswith(f"ingest.chat.paths, {root}{path}: {sentence}")
    assert not [path for path in Path(".chatwright").rglob("*") if path.is_file()]


def test_a_server_that_is_not_there() -> None:
    for address in ("http://127.0.0.1:1/a.jsonl", "http://nowhere.invalid/a.jsonl"):
        with pytest.raises(ServiceUnavailable, match="the server does not give it: Cannot connect"):
            read(address)


def test_a_certificate_that_nobody_trusts_is_told_as_that_and_not_asked_again(
    handler: type[Files], tmp_path: Path
) -> None:
    public, private = certificate("localhost")
    (tmp_path / "cert.pem").write_bytes(public)
    (tmp_path / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"https://localhost:{server.server_port}/a.jsonl"
    with pytest.raises(BadInput) as refusal:
        read(address)
    server.shutdown()
    server.server_close()
    assert str(refusal.value) == (
        f"ingest.chat.paths, {address}: its certificate is not trusted (self-signed certificate)."
        " If you trust it, name the certificate of who signed it in the variable SSL_CERT_FILE."
    )


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("file:///etc/passwd", "file:// is not read. Files are read from https://, s3:// and hf://"),
        ("ftp://example.com/a.json", "ftp:// is not read"),
        ("simplecache::http://example.com/a.json", "simplecache::http:// is not read"),
        ("https://me:secret@example.com/a.json", "a name or password in an address"),
    ],
)  # fmt: skip
def test_other_schemes_are_refused(address: str, sentence: str) -> None:
    with pytest.raises(BadParameter, match=rf"^ingest\.chat\.paths, .*: {sentence}"):
        NamedFiles("chat", [address], FolderParams()).check()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    # Where another test has used it, fsspec has it at hand.
    monkeypatch.setattr(sys.modules["fsspec.registry"], "_registry", {})
    with pytest.raises(BadParameter, match=r"Run: pip install 'chatwright\[s3\]'\.$"):
        NamedFiles("chat", ["s3://bucket/a.json"], FolderParams()).check()


def test_a_missing_file_elsewhere_is_told_before_anything_is_read(root: str) -> None:
    Path("corpus/bad.parquet").write_bytes(b"no table")  # an error, too, if it were read
    params = IngestParams(
        sources=["folder", "chat"],
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(),
        chat=NamedFilesParams(paths=[f"{root}/none.json"]),
        web=WebParams(allow_private=True),
    )
    with pytest.raises(MissingInput, match="none.json: there is no such file"):
        ingest(params, Path("raw"), Path("dialogues"), Path("labelled"))


@pytest.fixture
def s3(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    # What another test put there is this process's.
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = S3FileSystem(skip_instance_cache=True)
    bucket.mkdir("bucket")
    yield bucket
    server.stop()


@pytest.mark.slow
def test_files_on_s3(s3: Any) -> None:
    for name in ("chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl", "chat/.hidden"):
        s3.pipe(f"bucket/{name}", talk(name).encode())
    (one,) = read("s3://bucket/chat/a.jsonl")
    assert (one.id, said([one])) == ("chat/s3://bucket/chat/a.jsonl#1", ["chat/a.jsonl"])
    assert said(read("s3://bucket/chat/*.jsonl")) == ["chat/a.jsonl", "chat/b.jsonl"]
    everything = ["chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl"]
    assert said(read("s3://bucket/chat", "s3://bucket/chat/a.jsonl")) == everything
    s3.pipe("bucket/chat/a.jsonl", talk("new").encode())
    assert said(read("s3://bucket/chat/a.jsonl")) == ["new"]
    for address in ("s3://bucket/none.jsonl", "s3://nobucket/a.jsonl", "s3://bucket/none*"):
        with pytest.raises(MissingInput, match="there is no such file"):
            read(address)


def of_folder(*addresses: str) -> IngestParams:
    """The source ``folder``, and ``chat`` for what is in ``talk``."""
    return IngestParams(
        sources=["folder", "chat"],
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(addresses=list(addresses)),
        chat=NamedFilesParams(paths=["s3://bucket/texts/talk/*"]),
    )


def ingested(params: IngestParams, out: str) -> tuple[IngestReport, dict[str, Document]]:
    folders = [Path(out, name) for name in ("raw", "dialogues", "labelled")]
    report = ingest(params, *folders, kept=Path("kept"))
    return report, {each.id: each for each in read_documents(folders[0] / "folder")}


@pytest.mark.slow
def test_a_folder_on_s3_is_read_as_if_it_stood_here(s3: Any) -> None:
    for name in ("a.md", "deep/b.txt", "deep/.hidden.txt", "talk/t.jsonl", "deep/big.mp4"):
        s3.pipe(f"bucket/texts/{name}", talk(name).encode())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/c.txt", "Text.")
    s3.pipe("bucket/texts/d.zip", packed.getvalue())
    s3.pipe("bucket/texts-of-others/e.md", b"# Another folder")
    Path("corpus/here.txt").write_text("Here.")

    report, found = ingested(of_folder("s3://bucket/texts", "s3://bucket/texts/*.md"), "one")
    root = "folder/s3://bucket/texts/"
    elsewhere = {f"{root}a.md", f"{root}d.zip!in/c.txt", f"{root}deep/b.txt"}
    assert found.keys() == {"folder/here.txt", *elsewhere}
    assert found[f"{root}deep/b.txt"].text == talk("deep/b.txt")
    assert report.dialogues == {"folder": 0, "chat": 1}, "what chat names is left to it"
    assert report.left_out["folder"] == {"not a format that is read (.mp4)": 1}
    copies = {path.name for path in Path(".chatwright/remote").rglob("*") if path.is_file()}
    assert copies == {"a.md", "b.txt", "d.zip", "t.jsonl"}, "what is not read is not copied"

    s3.pipe("bucket/texts/deep/b.txt", b"New.")
    s3.rm("bucket/texts/a.md")
    report, found = ingested(of_folder("s3://bucket/texts/"), "two")
    assert found.keys() == {"folder/here.txt", *elsewhere - {f"{root}a.md"}}
    assert found[f"{root}deep/b.txt"].text == "New."
    assert (report.files_anew["folder"], report.files_kept["folder"]) == (1, 2)


@pytest.mark.slow
def test_a_folder_on_s3_that_is_not_there_is_told_before_anything_is_read(s3: Any) -> None:
    Path("corpus/bad.parquet").write_bytes(b"no table")  # an error, too, if it were read
    s3.pipe("bucket/texts/talk/t.jsonl", talk("Hi").encode())
    with pytest.raises(
        MissingInput, match=r"^ingest\.folder\.addresses, s3://bucket/none: there is no such file"
    ):
        ingested(of_folder("s3://bucket/none"), "out")


def test_a_folder_over_http_is_told_to_have_no_listing(folder: Path) -> None:
    params = of_folder("https://example.com/texts/").model_copy(update={"sources": ["folder"]})
    with pytest.raises(BadParameter) as refusal:
        ingested(params, "out")
    assert str(refusal.value) == (
        "ingest.folder.addresses, https://example.com/texts/: https gives no list of the files in a"
        " folder. Name each file; pages are for the source web."
    )


def test_a_single_file_over_http_is_read_with_the_folder(folder: Path, root: str) -> None:
    (folder / "a.md").write_text("# Leave\n\nThirty days.")
    params = of_folder(f"{root}/a.md").model_copy(
        update={"sources": ["folder"], "web": WebParams(allow_private=True)}
    )
    assert ingested(params, "out")[1].keys() == {f"folder/{root}/a.md"}


def test_a_server_is_asked_once_what_there_is(
    folder: Path, root: str, handler: type[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.md").write_text("# Leave")
    (folder / "t.jsonl").write_text(talk("Hi"))
    heads: list[str] = []

    def head(request: Files) -> None:
        heads.append(request.path)
        Files.do_HEAD(request)

    monkeypatch.setattr(handler, "do_HEAD", head)
    paths, web = NamedFilesParams(paths=[f"{root}/t.jsonl"]), WebParams(allow_private=True)
    params = of_folder(f"{root}/a.md").model_copy(update={"chat": paths, "web": web})
    report, found = ingested(params, "out")
    assert found.keys() == {f"folder/{root}/a.md"} and report.dialogues["chat"] == 1
    assert sorted(heads) == ["/a.md", "/t.jsonl"]


@pytest.mark.slow
def test_s3_without_credentials_or_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(BadInput, match="Unable to locate credentials"):
        read("s3://bucket/a.jsonl")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(ServiceUnavailable, match="Could not connect to the endpoint"):
        read("s3://bucket/a.jsonl")


class Hub(BaseHTTPRequestHandler):
    """As much of Hugging Face's hub as fsspec asks for: one public data set of one file."""

    file = talk("Hi").encode()

    def do_GET(self) -> None:
        answers: dict[str, Any] = {
            "/api/datasets/me/set": {"id": "me/set", "sha": "c" * 40, "siblings": []},
            "/api/datasets/me/set/tree/main": [
                {"type": "file", "path": "a.jsonl", "size": len(self.file), "oid": "b1"}
            ],
        }
        path = self.path.partition("?")[0]
        data = self.file if "/resolve/main/a.jsonl" in path else b""
        if path in answers:
            data = json.dumps(answers[path]).encode()
        self.send_response(200 if data else 404)
        headers = {"ETag": '"b1"'} if data else {"X-Error-Code": "RepoNotFound"}
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


READ_FROM_THE_HUB = """
from tasks.ingest.chat import chat
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.params_ingest import FolderParams

for name in ("me/set/a.jsonl", "me/set/*.jsonl", "me/set", "me/set/b.jsonl", "no/such/a.jsonl"):
    try:
        files = NamedFiles("chat", [f"hf://datasets/{name}"], FolderParams())
        print(*(each.id for each in chat(files, LeftOut())))
    except Exception as error:
        print(error)
"""


@pytest.mark.slow
def test_files_on_the_hub(folder: Path) -> None:
    """In a process of its own: the hub's address is read once, when its library is imported."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "PYTHONPATH": ROOT}
    done = subprocess.run(
        [sys.executable, "-c", READ_FROM_THE_HUB], env=environment, capture_output=True, text=True
    )
    server.shutdown()
    server.server_close()
    found = "chat/hf://datasets/me/set/a.jsonl#1"
    missing = "ingest.chat.paths, hf://datasets/{}: there is no such file. Mend the name."
    assert done.stdout.splitlines() == [
        *(found, found, found),
        *(missing.format("me/set/b.jsonl"), missing.format("no/such/a.jsonl")),
    ], done.stderr
