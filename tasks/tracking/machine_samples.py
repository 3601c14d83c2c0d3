"""What the machine is busy with while stages run: MLflow's own system metrics, noted once for all.

MLflow's monitor belongs to one run and begins when MLflow has that run, so that a stage which ends
before the side process has caught up would have none. Here samples are taken from the side
process's first moment, and each run gets those that fall into its time.
"""

import threading
import time
from collections import deque

from mlflow.system_metrics.metrics.base_metrics_monitor import BaseMetricsMonitor
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor
from mlflow.system_metrics.metrics.rocm_monitor import ROCMMonitor

SECONDS_BETWEEN = 2.0
KEPT = 3600  # two hours: a run's are fetched every half second, or once the server is back

Sample = tuple[float, dict[str, float]]


class MachineSamples:
    """Samples the machine in a thread, which ends with the process."""

    def __init__(self) -> None:
        self._monitors: list[BaseMetricsMonitor] = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
        for accelerators in (GPUMonitor, ROCMMonitor):
            try:
                self._monitors.append(accelerators())
            except (ImportError, RuntimeError):
                pass  # no such card, or the package that reads it is not there
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        threading.Thread(target=self._run, daemon=True, name="machine samples").start()

    def between(self, after: float, until: float) -> list[Sample]:
        """The samples later than ``after`` and no later than ``until`` (seconds since 1970): each
        one's time and its values by MLflow's names (``system/cpu_utilization_percentage``)."""
        return [sample for sample in tuple(self._samples) if after < sample[0] <= until]

    def _run(self) -> None:
        while True:
            values: dict[str, float] = {}
            for monitor in self._monitors:
                monitor.collect_metrics()
                values |= monitor.aggregate_metrics()
                monitor.clear_metrics()
            self._samples.append((time.time(), {f"system/{k}": v for k, v in values.items()}))
            time.sleep(SECONDS_BETWEEN)
