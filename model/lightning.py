"""Lightning, as far as it is used here, imported without torchmetrics.

Lightning imports torchmetrics only to know a metric of it when one is logged, which nothing here
does. With torchmetrics come scipy, matplotlib and, where it is installed, transformers: about 4 of
12 seconds, and memory, at each start of a training. So two empty classes stand in while Lightning
is imported; afterwards ``import torchmetrics`` gives the real one.
"""

import contextlib
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from types import ModuleType

NAME = "torchmetrics"


@contextlib.contextmanager
def stand_in_for_torchmetrics() -> Iterator[None]:
    """While this lasts, ``import torchmetrics`` gives a module with two classes, and its version;
    but not where torchmetrics itself has been imported before."""
    if NAME in sys.modules:
        yield
        return
    stand_in = ModuleType(NAME)
    stand_in.__spec__ = ModuleSpec(NAME, None)
    stand_in.__dict__.update(
        __version__=version(NAME),
        Metric=type("Metric", (), {}),
        MetricCollection=type("MetricCollection", (), {}),
    )
    sys.modules[NAME] = stand_in
    try:
        yield
    finally:
        sys.modules.pop(NAME, None)


with stand_in_for_torchmetrics():
    from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
    from pytorch_lightning.plugins.environments import (
        ClusterEnvironment,
        LightningEnvironment,
        SLURMEnvironment,
        TorchElasticEnvironment,
    )
    from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy, Strategy

__all__ = [
    "Callback",
    "ClusterEnvironment",
    "DDPStrategy",
    "LightningDataModule",
    "LightningEnvironment",
    "LightningModule",
    "ModelParallelStrategy",
    "SLURMEnvironment",
    "Strategy",
    "TorchElasticEnvironment",
    "Trainer",
]
