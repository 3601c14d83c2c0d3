"""The one family of errors: what is wrong, where, what to do.

Every room of the house raises these, so this module imports nothing. The command line prints the
sentence and exits with ``exit_code``: 2 for what the user can mend, 1 for what we have to mend.
"""


class ChatwrightError(Exception):
    """An error with a sentence for the person who reads it.

    Args:
        where: the place: a file, a line, a parameter, an address. May be empty.
        what: what is wrong there, without a full stop at the end.
        remedy: what to do about it, as a sentence of its own without a full stop at the end; a
            question has its mark.
    """

    exit_code = 1

    def __init__(self, where: str, what: str, remedy: str = "") -> None:
        self.where, self.what, self.remedy = where, what, remedy
        place = f"{where}: " if where else ""
        end = "" if remedy.endswith("?") else "."
        super().__init__(f"{place}{what}." + (f" {remedy}{end}" if remedy else ""))

    def __reduce__(self) -> tuple[type["ChatwrightError"], tuple[str, str, str]]:
        """How it comes from a worker: by the three parts, not by the sentence made of them."""
        return type(self), (self.where, self.what, self.remedy)


class UserError(ChatwrightError):
    """Something the user can mend; the parent of all that follow."""

    exit_code = 2


class BadParameter(UserError):
    """A key that does not exist in params.yaml, or a value that it cannot take."""


class MissingInput(UserError):
    """A file or folder that a stage needs is not there."""


class BadInput(UserError):
    """A file is there but cannot be used: corrupt, of another format, too much of it broken."""


class CorpusTooSmall(UserError):
    """There is less text than the work needs."""


class NotEnoughMemory(UserError):
    """The work needs more memory than there is."""


class WorkerDied(UserError):
    """A process that did a part of the work is gone."""


class DiskFull(UserError):
    """The disk has no room for an output; what stood before still stands."""


class AnotherRun(UserError):
    """Another run is at work in the same folder."""


class PortInUse(UserError):
    """The port that a server should listen on is taken."""


class NoModel(UserError):
    """There is no model to serve yet."""


class ServiceUnavailable(ChatwrightError):
    """A service (tracking, orchestration) did not answer; trying again may help."""
