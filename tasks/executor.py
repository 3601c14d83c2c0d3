"""Where the work of a stage is done: in processes of this machine, on a Dask cluster, or here.

A stage maps a function over many pieces; ``workers`` gives what runs it and ``ordered_map`` the
results, in the order of the pieces, with so few in flight that memory stays bounded and reading,
working and writing overlap. Whoever does the work, the results are the same.

A worker that dies loses nothing: of processes of this machine one sentence tells, and what they
finished is kept by the stage; a cluster does the piece again on another worker.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from typing import TYPE_CHECKING, Any, TypeVar

from chatwright.environment import cores
from chatwright.errors import MissingInput, ServiceUnavailable, WorkerDied
from tasks.params_executor import ExecutorParams

if TYPE_CHECKING:
    from distributed import Client

SMALL_BYTES = 8_000_000
"""Starting processes takes a second or two; work on less text than this hardly more."""

IN_FLIGHT_A_WORKER = 2  # one at work, one at hand
ANSWER_SECONDS = 10
LOOK_SECONDS = 5  # how often it is looked whether workers are still there

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Workers:
    """What runs the work.

    Attributes:
        executor: takes the pieces.
        count: how many are worked on at once; 0: it is done in this process, piece by piece.
        cluster: the Dask client, if it is a cluster.
    """

    executor: Executor
    count: int
    cluster: "Client | None" = None


@contextmanager
def workers(
    params: ExecutorParams,
    *,
    text_bytes: int,
    small_bytes: int | None = None,
    begin: Callable[[], None] | None = None,
) -> Iterator[Workers]:
    """The workers that params.yaml asks for; gone when the block is left.

    Args:
        params: the section ``executor``.
        text_bytes: roughly how much text there is to work on.
        small_bytes: for less than that no process is started; None: ``SMALL_BYTES``.
        begin: what each process of this machine does first.

    Raises:
        MissingInput: a cluster is named, and the package ``distributed`` is not installed.
        ServiceUnavailable: the cluster does not answer, or has no worker.
    """
    if params.address is not None:
        with _cluster(params.address) as client:
            yield Workers(client.get_executor(), sum(client.nthreads().values()), client)
        return
    count = cores() if params.workers == "auto" else params.workers
    if count == 1 or text_bytes < (SMALL_BYTES if small_bytes is None else small_bytes):
        yield Workers(_Here(), 0)
        return
    # Not forked: this process has threads (Arrow's, the tracking's) that a copy would lack.
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin_worker, (begin,))
    try:
        yield Workers(pool, count)
    except BaseException:
        # Nobody waits for what they are at, which may take minutes: it is of no use any more.
        _end(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def ordered_map(
    workers: Workers, function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """The function's results, in the order of the items; items are taken as workers come free.

    Args:
        workers: as ``workers`` gives them.
        function: at the top of a module, so that other processes find it.
        items: what it is called with; they and the results go from process to process.

    Raises:
        WorkerDied: a process was killed, or on a cluster every worker that took the same piece.
        ServiceUnavailable: the cluster is gone.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            with _told():
                waiting.append(_submitted(workers.executor, function, item))
            if len(waiting) > IN_FLIGHT_A_WORKER * workers.count:
                yield _result(waiting.popleft(), workers)
        while waiting:
            yield _result(waiting.popleft(), workers)
    finally:
        # A pool that is broken fails on what is cancelled; it is shut down, which does the same.
        if workers.cluster is not None:
            for future in waiting:
                future.cancel()


def _submitted(
    executor: Executor, function: Callable[[Item], Result], item: Item
) -> Future[Result]:
    """One item, handed over.

    Raises:
        BrokenExecutor: a process was killed.
    """
    try:
        return executor.submit(function, item)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) or not isinstance(executor, ProcessPoolExecutor):
            raise
        # "handle is closed", or "bad value(s) in fds_to_keep": one process was killed while this
        # was starting another.
        raise BrokenExecutor from error


class _Here(Executor):
    """Does the work in this process, at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _begin_worker(also: Callable[[], None] | None = None) -> None:
    """What each process does first: it leaves Ctrl-C to the stage, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stage, which then ends them
    parent = parent_process()
    if parent is None:
        raise RuntimeError("a worker is a process of its own")

    def watch(ends: int) -> None:
        # A worker holds both ends of the pipe that it reads, so a killed stage does not end it.
        connection.wait([ends])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
    if also is not None:
        also()


def check_package(address: str) -> None:
    """See that what speaks to a cluster is installed; it is not asked.

    Raises:
        MissingInput: it is not.
    """
    try:
        import distributed  # noqa: F401 - whether it can be
    except ImportError:
        raise MissingInput(
            f"executor.address, {address}",
            "the package distributed is not installed",
            'Install it with: pip install "chatwright[cluster]"',
        ) from None


@contextmanager
def _cluster(address: str) -> Iterator["Client"]:
    where = f"executor.address, {address}"
    check_package(address)
    from distributed import Client

    try:
        client = Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        reason = "that is no address" if isinstance(error, ValueError) else "nobody answers there"
        raise ServiceUnavailable(
            where, f"{reason} as a Dask scheduler", "Start one with: dask scheduler"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=ANSWER_SECONDS)
        except TimeoutError:
            raise _without_workers(where) from None
        yield client


def _without_workers(where: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        where, "the cluster has no worker", "Start some with: dask worker ADDRESS"
    )


@contextmanager
def _told() -> Iterator[None]:
    """One sentence for workers that are gone."""
    try:
        yield
    except BrokenExecutor:
        raise WorkerDied(
            "executor.workers",
            "a worker process was killed, perhaps because memory ran short",
            "Run again to go on, with fewer workers if it was memory",
        ) from None
    except CancelledError:
        raise ServiceUnavailable(
            "executor.address", "the Dask cluster is gone", "Start it and run again to go on"
        ) from None
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # of distributed, which may not be installed
            raise
        raise WorkerDied(
            "executor.address",
            "several workers of the Dask cluster died of the same piece of work",
            "Give them more memory; what is finished is kept",
        ) from None


def _result(future: Future[Result], workers: Workers) -> Result:
    with _told():
        while True:
            try:
                return future.result(timeout=LOOK_SECONDS)
            except TimeoutError:
                if future.done():  # in the last moment, or it is the work's own error
                    return future.result()
                if workers.cluster is not None and not workers.cluster.nthreads():
                    raise _without_workers("executor.address") from None
                if isinstance(workers.executor, ProcessPoolExecutor):
                    _end_if_one_has_died(workers.executor)


def _end_if_one_has_died(pool: ProcessPoolExecutor) -> None:
    if any(process.exitcode is not None for process in list((pool._processes or {}).values())):
        _end(pool)
        raise BrokenExecutor("one of its processes was killed")


def _end(pool: ProcessPoolExecutor) -> None:
    """End all processes of a pool, and let it see that.

    One that dies while it sends a result leaves half of one. For the rest the pool's thread would
    wait for ever, as nothing tells it that nobody will send it: this process could, too.
    """
    processes = list((pool._processes or {}).values())
    for process in processes:
        process.kill()  # a library that it works with may take SIGTERM for something else
    for process in processes:
        process.join()
    if pool._result_queue is not None:
        pool._result_queue._writer.close()  # type: ignore[attr-defined]
