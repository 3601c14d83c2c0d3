"""Workers of a cluster do work with a program of their own, which has to be the same as ours."""

from chatwright.errors import BadInput
from tasks.program import program


def must_be_the_same(module: str, as_sent: str) -> None:
    """Refuse work that another version of a module was meant to do.

    Args:
        module: what does the work.
        as_sent: its program where the work comes from.

    Raises:
        BadInput: they differ.
    """
    if program(module) != as_sent:
        raise BadInput(
            "executor.address",
            "a worker of the cluster has another version of this program, or of Python",
            "Install the same on all machines",
        )
