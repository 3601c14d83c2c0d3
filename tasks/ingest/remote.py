"""Files that stand elsewhere, under an address: http, https, s3 and hf (Hugging Face's hub).

fsspec speaks to all of them. A file is copied to ``.chatwright/remote`` before it is read, since
readers go back and forth and a connection may break after hours: the copy has a temporary name
until it is whole. Its place is made of the address and of what the server says of its version
(ETag, time, size), so that what has not changed is not copied again. What is there is asked before
any data is read.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from chatwright.errors import (
    BadInput,
    BadParameter,
    ChatwrightError,
    DiskFull,
    MissingInput,
    ServiceUnavailable,
)
from tasks.progress import Progress

FOLDER = Path(".chatwright/remote")
SCHEMES = ("http", "https", "s3", "hf")
TRIES = 3
VERSION_FIELDS = (
    *("ETag", "etag", "Last-Modified", "LastModified", "Content-MD5"),  # http, s3
    *("blob_id", "lfs", "size"),  # hf, all
)
UNUSUAL = re.compile(r"[^\w.-]")
LONGEST_NAME = 60
"""Characters, of up to four bytes each; file systems take names of 255 bytes."""

LEFT_FREE_BYTES = 2**30
"""A file may fill the disk but for so much: an answer without an end is stopped there."""

CONNECT_SECONDS, SILENT_SECONDS = 30, 60

Read = TypeVar("Read")


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server; ``version`` changes with its content, None where nothing tells;
    ``system`` is fsspec's, that reaches it."""

    address: str
    version: str | None
    system: Any = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """The last part of its path, whose ending tells the format, as a name that a file may have.

        The part is the server's to choose: no sign in it leads out of a folder.
        """
        scheme, _, path = self.address.partition("://")
        if scheme.lower() in ("http", "https"):  # the others do not encode theirs
            path = unquote(urlsplit(self.address).path)
        last = path.rstrip("/").rpartition("/")[2]
        return UNUSUAL.sub("_", last)[-LONGEST_NAME:].lstrip(".") or "index"


def is_remote(path: str) -> bool:
    """Whether a path is an address.

    >>> is_remote("s3://bucket/a.json"), is_remote("corpus/a.json")
    (True, False)
    """
    return "://" in path


def scheme_of(address: str, key: str) -> str:
    """How an address is reached; no server is asked.

    Raises:
        BadParameter: in no way that is known, it is no address, or it holds a password.
    """
    where = f"{key}, {address}"
    scheme = address.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise BadParameter(
            where, f"{scheme}:// is not read", "Files are read from https://, s3:// and hf://"
        )
    if scheme in ("http", "https"):
        try:
            parts = urlsplit(address)
            _ = parts.port  # a wrong one raises only when it is asked for
        except ValueError as error:
            raise BadParameter(where, f"is no address: {error}", "Mend it") from None
        if not parts.hostname:
            raise BadParameter(where, "names no server", "Mend it")
        if parts.path in ("", "/") or (parts.path.endswith("/") and not parts.query):
            raise BadParameter(
                where,
                f"{scheme} gives no list of the files in a folder",
                "Name each file; pages are for the source web",
            )
        if parts.username is not None:
            raise BadParameter(where, "a name or password in an address would end up in every id")
    return scheme


def remote_files(address: str, key: str, *, allow_private: bool = False) -> list[RemoteFile]:
    """The files that an address names; in s3 and hf also a pattern or a folder.

    Args:
        address: what the user wrote.
        key: the parameter in which it stands, for the sentence of an error.
        allow_private: whether http and https may lead into private networks.

    Raises:
        BadParameter: its scheme is none that is read, or needs a package that is not there.
        MissingInput: there is no such file.
        BadInput: it may not be read.
        ServiceUnavailable: its server does not answer.
    """
    where = f"{key}, {address}"
    scheme = scheme_of(address, key)
    system = _file_system(scheme, where, allow_private)
    try:
        found = list(_found(system, address, scheme))
    except Exception as error:  # each file system raises its own library's errors
        raise _told(error, where) from None
    if not found:
        raise MissingInput(where, "there is no such file", "Mend the name")
    return found


def _file_system(scheme: str, where: str, allow_private: bool) -> Any:
    import fsspec

    options: dict[str, Any] = {}
    if scheme in ("http", "https"):
        from aiohttp import ClientTimeout

        # fsspec's own limit, five minutes for all of a file, is too little for a large one.
        timeout = ClientTimeout(None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
        options["client_kwargs"] = {"timeout": timeout, "trust_env": True}
        if not allow_private:
            from tasks.ingest.public_sessions import public_session

            options["get_client"] = public_session
    check_package(scheme, where)
    return fsspec.filesystem(scheme, skip_instance_cache=True, **options)


def check_package(scheme: str, where: str) -> None:
    """See that what speaks to such servers is installed; none of them is asked.

    Raises:
        BadParameter: it is not.
    """
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError:
        raise BadParameter(
            where,
            f"{scheme}:// needs a package that is not installed",
            f"Run: pip install 'chatwright[{scheme}]'",
        ) from None


def _found(system: Any, address: str, scheme: str) -> Iterator[RemoteFile]:
    if scheme in ("http", "https"):
        yield _described(system, address, system.info(address))
        return
    if any(sign in address for sign in "*?["):
        named = system.glob(address, detail=True)
    else:
        about = system.info(address)
        is_folder = about["type"] == "directory"
        named = system.find(address, detail=True) if is_folder else {about["name"]: about}
    for name, about in sorted(named.items()):
        if about["type"] == "file" and not PurePosixPath(name).name.startswith("."):
            yield _described(system, f"{scheme}://{name}", about)


def _described(system: Any, address: str, about: dict[str, Any]) -> RemoteFile:
    told = {name: str(about[name]) for name in VERSION_FIELDS if about.get(name) is not None}
    tells = told.keys() - {"size"}  # which another content may have, too
    version = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16] if tells else None
    return RemoteFile(address, version, system)


def glanced_at(file: RemoteFile, key: str, read: Callable[[Any], Read]) -> Read:
    """What ``read`` makes of an open file of which little is needed, without a copy of all of it.

    Raises:
        MissingInput, BadInput, ServiceUnavailable: as ``remote_files``.
    """
    try:
        with file.system.open(file.address) as stream:
            return read(stream)
    except ChatwrightError:
        raise
    except Exception as error:  # each file system raises its own library's errors
        raise _told(error, f"{key}, {file.address}") from None


def fetched(file: RemoteFile, key: str, progress: Progress, *, kept_as: str | None = None) -> Path:
    """The copy of a file on this machine, made now unless it is there.

    Args:
        file: which.
        key: the parameter in which its address stands, for the sentence of an error.
        kept_as: another address whose place the copy takes, where ``file``'s own says more than
            where it is; the version tells whether what is there is this file.

    Raises:
        MissingInput, BadInput, ServiceUnavailable: as ``remote_files``; the server may fail later.
        DiskFull: it is larger than what the disk has room for, or has no end.
    """
    from fsspec.callbacks import Callback

    class Shown(Callback):  # type: ignore[misc]
        def call(self, hook_name: str | None = None, **_: Any) -> None:
            if max(self.value, self.size or 0) > room:
                raise DiskFull(
                    where,
                    "is larger than what the disk has room for"
                    f" ({LEFT_FREE_BYTES:,} bytes of it are left free)",
                    "Make room, or name another file",
                )
            progress(self.value, self.size, "bytes")

    where = f"{key}, {file.address}"
    folder = FOLDER / hashlib.sha256((kept_as or file.address).encode()).hexdigest()[:16]
    copy = folder / (file.version or "unknown") / file.name
    if file.version and copy.exists():
        return copy
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_name(f".{copy.name}.partial")
    try:
        room = shutil.disk_usage(copy.parent).free - LEFT_FREE_BYTES
        for attempt in range(1, TRIES + 1):
            try:
                file.system.get_file(file.address, str(partial), callback=Shown())
                break
            except ChatwrightError:
                raise
            except Exception as error:  # each file system raises its own library's errors
                told = _told(error, where)
                if attempt == TRIES or not isinstance(told, ServiceUnavailable):
                    raise told from None
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        partial.replace(copy)
    finally:
        partial.unlink(missing_ok=True)
    for other in folder.iterdir():
        if other != copy.parent:
            shutil.rmtree(other)
    return copy


def _told(error: Exception, where: str) -> ChatwrightError:
    """What an error of a file system means to the user.

    Raises:
        OSError: the disk of this machine is full.
    """
    from aiohttp import ClientConnectorCertificateError, ClientError, ClientResponseError

    from tasks.ingest.http.addresses import ALLOW_PRIVATE
    from tasks.ingest.http.request import TRUST, UNTRUSTED
    from tasks.ingest.public_sessions import PrivateAddress

    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        raise error
    if any(isinstance(each, PrivateAddress) for each in _causes(error)):
        return BadInput(where, str(PrivateAddress()), f"Name another, or {ALLOW_PRIVATE}")
    for each in _causes(error):
        # The libraries for s3 and hf look for certificates elsewhere.
        if isinstance(each, ClientConnectorCertificateError) and "s3://" not in where:
            reason = getattr(each.certificate_error, "verify_message", "") or "of another host"
            return BadInput(where, f"{UNTRUSTED} ({reason})", TRUST)
    response = getattr(error, "response", None)  # huggingface_hub's errors have one
    status = getattr(response, "status_code", None)
    if isinstance(cause, ClientResponseError):
        status = cause.status
    detail = " ".join(str(cause).split()).rstrip(".")[:200] or type(cause).__name__
    if type(error).__name__ == "GatedRepoError":  # huggingface_hub's
        return BadInput(where, "is gated", "Accept its terms on its page, and set HF_TOKEN")
    if status in (401, 403) or isinstance(error, PermissionError):
        return BadInput(where, "may not be read by you", "Give yourself the right to")
    if type(cause).__name__ in ("NoCredentialsError", "PartialCredentialsError"):  # botocore's
        return BadInput(where, f"may not be read: {detail}", "Set AWS_ACCESS_KEY_ID and its secret")
    if status is not None and status not in (404, 410):
        return ServiceUnavailable(where, f"the server answered {status}", "Try again later")
    if isinstance(error, FileNotFoundError) and (
        status or not isinstance(cause, ClientError | TimeoutError)
    ):
        return MissingInput(where, "there is no such file", "Mend the name")
    return ServiceUnavailable(where, f"the server does not give it: {detail}", "See to the network")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it comes from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
