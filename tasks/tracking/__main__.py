"""The side process: ships everything that is spooled to MLflow, then ends.

Only one runs in a folder. It stays while stages run, so that curves are live, and a few seconds
longer, so that the next stage need not start it again. What it could not ship (the server is
away) stays spooled for the next one.
"""

import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from chatwright.environment import set_quiet_defaults

set_quiet_defaults()

from tasks.params import load_params  # noqa: E402
from tasks.tracking.spool import FOLDER, SHIPPING, is_current, say_that_shipping_begins  # noqa: E402

IDLE_SECONDS = 6.0  # longer than the pause between two stages
SECONDS_BETWEEN = 0.5
SECONDS_BETWEEN_AT_MOST = 2.0
SHARE_OF_A_CORE = 0.2


def ship() -> None:
    """Ship until nothing has been left to ship for a while."""
    from tasks.tracking.machine_samples import MachineSamples
    from tasks.tracking.shipment import BuildShipment

    samples = MachineSamples()
    tracking = load_params().tracking
    builds: dict[Path, BuildShipment] = {}
    idle_since = time.monotonic()
    while True:
        used = time.process_time()
        busy = False
        for folder in sorted(path for path in FOLDER.iterdir() if path.is_dir()):
            if folder not in builds:
                builds[folder] = BuildShipment(folder, tracking.uri, tracking.experiment, samples)
            busy |= builds[folder].ship()
            if builds[folder].is_complete() and not is_current(folder):
                builds.pop(folder).remove_folder()
        if busy:
            idle_since = time.monotonic()
        if not builds or time.monotonic() - idle_since > IDLE_SECONDS:
            break
        # The training beside it wants the cores: curves of many points are sent in larger parts.
        pause = (time.process_time() - used) * (1 / SHARE_OF_A_CORE - 1)
        time.sleep(min(max(pause, SECONDS_BETWEEN), SECONDS_BETWEEN_AT_MOST))
    for folder, build in builds.items():
        build.pause()
        if build.is_complete() and not is_current(folder):
            build.remove_folder()


def main() -> None:
    try:
        with FileLock(SHIPPING, timeout=0):
            say_that_shipping_begins()
            ship()
    except Timeout:
        sys.exit(0)


if __name__ == "__main__":
    main()
