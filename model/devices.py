"""Several processes that train one model: how many there can be, and what they tell each other.

The rows of a batch are shared out among them, each loss is divided by the tokens that count in the
whole of the batch, and the gradients are added up. So the model is that of one process but for
rounding, however many there are.

Notable choices: Lightning brings the processes, their devices and the way they talk, but the
gradients are added up here, after the backward pass and always in one order. torch's
DistributedDataParallel adds them up while the backward pass still runs, in an order that changes
after its first step; so three processes or more that go on from a checkpoint would round otherwise
than those that were never stopped. What that costs on several machines has not been measured.
A model that is shared out (sharding.py) has its gradients added up by torch, layer by layer.

Every process decides alike: whether to stop or to write a checkpoint is agreed on in each step.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.distributed as distributed
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from chatwright.environment import cores, launched
from chatwright.errors import BadParameter
from model import lightning
from model.options import Training

ENVIRONMENTS: dict[str, Callable[[], lightning.ClusterEnvironment]] = {
    "torchrun": lightning.TorchElasticEnvironment,
    "SLURM": lambda: lightning.SLURMEnvironment(auto_requeue=False),
    "chatwright": lightning.LightningEnvironment,
}

PIECE_BYTES = 64 * 2**20
"""Gradients are sent in pieces of about this size."""


@dataclass(frozen=True)
class Devices:
    """What trains: ``per_node`` processes on each of ``nodes`` machines."""

    kind: Literal["gpu", "cpu"]
    per_node: int
    nodes: int

    @property
    def processes(self) -> int:
        """Of all machines together."""
        return self.per_node * self.nodes


def devices_of(options: Training) -> Devices:
    """The devices that a run asks for, or that torchrun or SLURM gave it.

    Raises:
        BadParameter: they are not there, or cannot be had so.
    """
    found, section = launched(), options.section
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kind: Literal["gpu", "cpu"] = "gpu" if gpus else "cpu"
    per_node = (gpus or 1) if options.devices == "auto" else options.devices
    nodes = options.num_nodes
    if found is not None:
        per_node, nodes = found.processes // found.nodes, found.nodes
    elif nodes > 1:
        raise BadParameter(
            f"{section}.num_nodes",
            f"{nodes} machines do not find each other by themselves",
            "Start it with torchrun or srun, as docs/more-devices.md shows",
        )
    here, name = (gpus, "GPU") if gpus else (cores(), "core")
    if per_node > here:
        raise BadParameter(
            f"{section}.devices",
            f"{per_node} are asked for and this machine has {here} {name}{'s' * (here > 1)}",
            f"Set it to {here}" + (" or less" if here > 1 else ""),
        )
    return Devices(kind, per_node, nodes)


def check_shares(options: Training, processes: int) -> None:
    """Refuse a batch that cannot be shared out evenly.

    Raises:
        BadParameter: names the nearest that can.
    """
    section = options.section
    if options.batch_size % processes:
        nearest = max(1, round(options.batch_size / processes)) * processes
        raise BadParameter(
            f"{section}.batch_size",
            f"{options.batch_size} rows cannot be shared evenly by {processes} processes",
            f"Take {nearest}",
        )
    rows = options.batch_size // processes
    if options.accumulate > rows:
        raise BadParameter(
            f"{section}.accumulate",
            f"the {rows} rows of each process cannot be split into {options.accumulate} parts",
            f"Take {rows} or less",
        )


def check_strategy(options: Training, processes: int) -> None:
    """Refuse to share a model out where that cannot be.

    Raises:
        BadParameter: there is one process only, or gradients have to be scaled for float16.
    """
    if options.strategy != "fsdp":
        return
    section = options.section
    if processes == 1:
        raise BadParameter(
            f"{section}.strategy",
            "fsdp shares a model out among several processes and there is one",
            "Take ddp",
        )
    if options.precision == "fp16":
        raise BadParameter(
            f"{section}.precision",
            "fp16 needs scaled gradients, which Lightning does not have with fsdp",
            "Take bf16 or fp32",
        )


class SummedHere(lightning.DDPStrategy):
    """Lightning's strategy for several processes, less the wrapper that adds up gradients."""

    def configure_ddp(self) -> None:
        """See to it that all begin with the weights of the first, and leave the model as it is."""
        if self.model is not None:
            for tensor in [*self.model.parameters(), *self.model.buffers()]:
                distributed.broadcast(tensor.data, 0)


def strategy_of(devices: Devices, options: Training) -> lightning.Strategy | Literal["auto"]:
    """What Lightning takes for them.

    Raises:
        BadParameter: there are to be several processes, and nothing has started them.
    """
    if devices.processes == 1:
        return "auto"
    found = launched()
    if found is None:
        raise BadParameter(
            "devices",
            f"this is one process and {devices.processes} are to train together",
            "Start them with: python -m tasks.pretrain",
        )
    environment = ENVIRONMENTS[found.by]()
    if options.strategy == "ddp":
        return SummedHere(cluster_environment=environment)
    sharing = lightning.ModelParallelStrategy(
        data_parallel_size=devices.processes, tensor_parallel_size=1
    )
    # Its constructor does not take it.
    sharing.cluster_environment = environment
    return sharing


def rank() -> int:
    """Which of the processes this is; 0 is the one that writes."""
    return distributed.get_rank() if _are_several() else 0


def wait_for_all() -> None:
    """Go on when all processes have come here."""
    if _are_several():
        distributed.barrier()


def add_up(tensors: Sequence[Tensor]) -> None:
    """Put in the place of each tensor its sum over all processes: the same bits in each of them."""
    pieces: list[list[Tensor]] = [[]]
    filled = 0
    for tensor in tensors:
        if filled > PIECE_BYTES:
            pieces.append([])
            filled = 0
        pieces[-1].append(tensor)
        filled += tensor.nbytes
    under_way: list[tuple[list[Tensor], Tensor, Any]] = []
    for piece in pieces:
        flat = _flatten_dense_tensors(piece)
        under_way.append((piece, flat, distributed.all_reduce(flat, async_op=True)))
    for piece, flat, handle in under_way:
        handle.wait()
        torch._foreach_copy_(piece, list(_unflatten_dense_tensors(flat, piece)))


def agree_on(number: int, device: torch.device) -> list[int]:
    """What each process has said, by rank."""
    if not _are_several():
        return [number]
    said = torch.zeros(distributed.get_world_size(), dtype=torch.int64, device=device)
    said[distributed.get_rank()] = number
    distributed.all_reduce(said)
    return [int(one) for one in said.tolist()]


def seed_step(seed: int, step: int, rank: int) -> None:
    """Set the random numbers of a step: functions of these three, so that nothing of them has to be
    kept of each process, and a run can go on with another number of them."""
    drawn = hashlib.blake2b(f"{seed} {step} {rank}".encode(), digest_size=8).digest()
    torch.manual_seed(int.from_bytes(drawn, "big") >> 1)


def _are_several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
