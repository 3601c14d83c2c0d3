"""Importing Lightning through ``model.lightning``, each time in a process of its own."""

import subprocess
import sys


def run(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_lightning_is_imported_without_torchmetrics_and_what_that_brings():
    code = (
        "import sys, model.lightning\n"
        "print(sorted({'torchmetrics', 'scipy', 'matplotlib', 'transformers'} & {*sys.modules}))"
    )
    assert run(code) == "[]"


def test_torchmetrics_itself_can_be_had_before_and_afterwards():
    for order in ("import model.lightning, torchmetrics", "import torchmetrics, model.lightning"):
        code = f"{order}\nmean = torchmetrics.MeanMetric(); mean.update(3.0); print(mean.compute())"
        assert run(code) == "tensor(3.)"
