"""How many processes train, which of them this is, and what is refused."""

import pytest
import torch

from chatwright.environment import Launched, launched
from chatwright.errors import BadParameter
from model import devices
from model.devices import check_shares, devices_of, seed_step
from model.options import Training


def options(**choices: object) -> Training:
    return Training(
        **{"steps": 1, "batch_size": 8, "seed": 1, "learning_rate": 0.01} | choices  # type: ignore[arg-type]
    )


@pytest.fixture(autouse=True)
def two_cores_and_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "cores", lambda: 2)


def test_auto_is_one_process_on_a_processor_and_all_gpus_where_there_are_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert devices_of(options(devices="auto")).processes == 1
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    found = devices_of(options(devices="auto"))
    assert (found.kind, found.processes) == ("gpu", 4)


def test_more_processes_than_cores_and_more_gpus_than_there_are_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert devices_of(options(devices=2)).processes == 2
    with pytest.raises(BadParameter) as error:
        devices_of(options(devices=3))
    assert str(error.value) == (
        "pretrain.devices: 3 are asked for and this machine has 2 cores. Set it to 2 or less."
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(BadParameter, match="2 are asked for and this machine has 1 GPU. Set it to"):
        devices_of(options(devices=2))


def test_several_machines_need_something_that_starts_them() -> None:
    with pytest.raises(BadParameter, match="pretrain.num_nodes: 2 machines do not find each other"):
        devices_of(options(num_nodes=2))


@pytest.mark.parametrize(("rows", "nearest"), [(9, 8), (11, 12), (1, 4)])
def test_a_batch_that_cannot_be_shared_is_refused_with_the_nearest_that_can(
    rows: int, nearest: int
) -> None:
    check_shares(options(batch_size=nearest), 4)
    with pytest.raises(BadParameter, match=f"by 4 processes. Take {nearest}.$"):
        check_shares(options(batch_size=rows), 4)


def test_parts_are_of_each_process_own_rows() -> None:
    check_shares(options(batch_size=8, accumulate=4), 2)
    with pytest.raises(BadParameter, match="the 4 rows of each process.*into 5 parts. Take 4 or"):
        check_shares(options(batch_size=8, accumulate=5), 2)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        (
            {
                "TORCHELASTIC_RUN_ID": "x",
                "RANK": "5",
                "WORLD_SIZE": "8",
                "LOCAL_WORLD_SIZE": "4",
                "LOCAL_RANK": "1",
            },
            Launched(5, 8, 2, "torchrun"),
        ),
        (
            {"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2"},
            Launched(3, 4, 2, "SLURM"),
        ),
        # The script of a job of four tasks is alone, and so is a job of one.
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, None),
        ({"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}, None),
        ({"LOCAL_RANK": "1", "CHATWRIGHT_PROCESSES": "2"}, Launched(1, 2, 1, "chatwright")),
        # Left over in a shell: says nothing.
        ({"LOCAL_RANK": "1"}, None),
    ],
)
def test_the_environment_says_which_process_this_is(
    environment: dict[str, str], expected: Launched | None
) -> None:
    assert launched(environment) == expected


def test_random_numbers_are_of_the_step_and_of_the_process() -> None:
    drawn = set()
    for seed, step, rank in [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]:
        seed_step(seed, step, rank)
        first = float(torch.rand(()))
        seed_step(seed, step, rank)
        assert float(torch.rand(())) == first
        drawn.add(first)
    assert len(drawn) == 4
