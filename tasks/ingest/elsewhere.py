"""The files that stand elsewhere and are named by address: which they are, and copies to be read.

For every source that takes addresses: those of ``NamedFiles``, and ``folder``.
"""

from collections.abc import Iterable

from tasks.ingest.remote import RemoteFile, fetched, is_remote, remote_files
from tasks.ingest.source_files import SourceFile
from tasks.progress import Progress


def files_elsewhere(paths: Iterable[str], key: str, *, allow_private: bool) -> list[RemoteFile]:
    """The files that the addresses among some paths name, each once, in their addresses' order.

    Raises:
        BadParameter, MissingInput, BadInput, ServiceUnavailable: as ``remote_files``.
    """
    found = {
        file
        for address in sorted({path for path in paths if is_remote(path)})
        for file in remote_files(address, key, allow_private=allow_private)
    }
    return sorted(found, key=lambda file: file.address)


def copies(files: Iterable[RemoteFile], key: str, progress: Progress) -> list[SourceFile]:
    """The files as they are read: copies on this machine, named by their addresses.

    Raises:
        MissingInput, BadInput, ServiceUnavailable, DiskFull: as ``fetched``.
    """
    return [SourceFile(fetched(file, key, progress), file.address) for file in files]
