"""The runs of a comparison in MLflow: one parent, and in it one for each rival, side by side.

They go through the spool that stages use (tasks/tracking), in a folder of their own: a comparison
is no build. What an interrupted comparison has finished is noted again by the one that goes on, so
that its parent holds all of them.
"""

import os
import time
import uuid
from collections.abc import Mapping
from typing import Any

from tasks.compare.result import Result
from tasks.lineage import git_commit
from tasks.tracking.spool import FOLDER, Spool, start_shipping


class ComparisonRuns:
    """The parent run; ``run`` opens one in it.

    Args:
        params: of the whole comparison, for the parent.

    Attributes:
        folder: where they are spooled; it is there from the first run until MLflow has all.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self.folder = FOLDER / (time.strftime("compare-%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6])

    def run(self, name: str, params: Mapping[str, Any]) -> Spool:
        """A run of one rival; whoever opens it ends it, with ``end``."""
        spool = Spool(name, self._params, self.folder)
        spool.append(
            "start",
            stage=name,
            pid=os.getpid(),
            commit=git_commit(),
            params=params,
            all_params=self._params,
            parent_name="compare",
        )
        start_shipping()
        return spool

    def replay(self, result: Result) -> None:
        """Note one that has been finished before."""
        params = result.model_dump(exclude={"curve", *result.figures()}, exclude_none=True)
        end(self.run(result.name, params), result)


def end(spool: Spool, result: Result | None) -> None:
    """Note a run's curve and figures and its end; None: it was not finished."""
    if result is None:
        spool.append("end", status="KILLED", report={})
    else:
        # All of it: of one that was killed and went on, only the last part has been noted.
        for point in result.curve:
            spool.metrics({point["name"]: point["loss"]}, point["step"])
        spool.append("end", status="FINISHED", report=result.figures())
    spool.close()
