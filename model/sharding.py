"""A model shared out among processes, so that several devices train what one does not hold.

Each keeps a part of every weight, of its gradient and of what the optimizers keep of it, and has
all of a layer's weights only while it computes that layer.

torch's ``fully_shard`` does it (Zhao et al. 2023, arXiv:2304.11277), in its second form: a weight
becomes a ``DTensor`` that knows which of its rows are here. Lightning's ``ModelParallelStrategy``
brings the processes, as it never puts a whole model on a device; its checkpoints are not used.

Notable choices:

- Each layer is a unit. Embeddings, the last norm and the projection are another, whole from a
  step's forward pass to the end of its backward pass, because the loss needs them in between. So is
  a layer that is used at every depth, and all of a recurrent model.
- Gradients are added up, not averaged: a loss is divided by the tokens of the whole batch already.
  That is done after each part of a batch; to wait for the last would keep gradients whole until
  then, which is what sharing out is to spare.
- In bfloat16 a layer's weights are cast before they are sent. Autocast would cast them too, but
  keep what it cast, of all layers, until the step is done.

Shapes: N matrices of R rows and C columns, of which r rows are here.
"""

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import (
    FSDPModule,
    MixedPrecisionPolicy,
    fully_shard,
    register_fsdp_forward_method,
)
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from model.language_model import LanguageModel


@torch.no_grad()
def share_out(model: LanguageModel, mesh: DeviceMesh, dtype: torch.dtype) -> None:
    """Leave of each weight the part that is this process's, on its device; once is enough.

    Args:
        mesh: the processes, in one dimension; all begin with the weights of the first.
        dtype: of the matrix products.
    """
    if isinstance(model, FSDPModule):
        return
    for tensor in [*model.parameters(), *model.buffers()]:
        sent = tensor.data.to(mesh.device_type)
        distributed.broadcast(sent, 0)
        tensor.data.copy_(sent)
    policy = MixedPrecisionPolicy(
        param_dtype=None if dtype == torch.float32 else dtype,
        reduce_dtype=torch.float32,
        cast_forward_inputs=False,
    )
    for layers in [module for module in model.modules() if isinstance(module, nn.ModuleList)]:
        if len(layers) > 1:
            for layer in layers:
                fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, reshard_after_forward=False)
    # Losses are made from this, not from ``forward``.
    register_fsdp_forward_method(model, "hidden")
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            # Nor by the means of NCCL, which gloo has not.
            module.set_force_sum_reduction_for_comms(True)


def keep_a_part(model: nn.Module) -> None:
    """Let go of weights that a forward pass without a backward pass has left whole."""
    if isinstance(model, FSDPModule):
        model.reshard()


@torch.no_grad()
def collect_into(plain: LanguageModel, shared: LanguageModel) -> None:
    """Copy the weights of a model that is shared out into one like it that is not, everywhere."""
    weights = plain.state_dict()
    for name, tensor in shared.state_dict().items():
        weights[name].copy_(whole(tensor))


def is_shared(tensor: Tensor) -> bool:
    """Whether only a part of it is here."""
    return isinstance(tensor, DTensor)


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may be shared out; then all processes have to ask, in the same order."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part(tensor: Tensor) -> Tensor:
    """What is here of a tensor that may be shared out; what is written to it is written there."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def shared_out_as(like: Tensor, tensor: Tensor) -> Tensor:
    """A tensor that every process has, in the form of another of its shape: shared out or not."""
    if not isinstance(like, DTensor):
        return tensor
    shared = distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)
    # Or it would hold on to all of the tensor that it is a part of.
    return shared.clone()


def whole_stack(parts: Tensor, like: Tensor) -> Tensor:
    """All rows of matrices, ``(N, R, C)``, from those that are here, ``(N, r, C)``.

    Args:
        like: one of the matrices; where it is not shared out, ``parts`` are all rows.
    """
    if not isinstance(like, DTensor):
        return parts
    rows, columns = like.shape
    return DTensor.from_local(
        parts,
        like.device_mesh,
        [Shard(1)],
        run_check=False,
        shape=torch.Size((len(parts), rows, columns)),
        stride=(rows * columns, columns, 1),
    ).full_tensor()


def parts_of_stack(stack: Tensor, like: Tensor) -> Tensor:
    """The rows ``(N, r, C)`` that are here of matrices ``(N, R, C)``; the reverse of the above."""
    if not isinstance(like, DTensor):
        return stack
    return distribute_tensor(stack, like.device_mesh, [Shard(1)], src_data_rank=None).to_local()
