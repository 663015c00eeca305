"""What the processes of a training have in common: each has a part of every batch, and all have one codebook.

DistributedDataParallel averages gradients over the ranks. That is the gradient of the whole batch wherever a loss is a
mean over latents. What is not such a mean is put together here: sums, counts, the mean of a batch inside an entropy.
"""

import torch
import torch.distributed as dist


def count():
    """Processes that train together; 1 without torchrun."""
    return dist.get_world_size() if dist.is_initialized() else 1


def own():
    """The number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def summed(tensor):
    """The sum over all ranks, the same on each. No gradient."""
    if count() == 1:
        return tensor
    total = tensor.detach().clone()
    dist.all_reduce(total)
    return total


def averaged(tensor):
    """The mean over all ranks, with a gradient.

    Everything that is computed from it is the same on all ranks, and DistributedDataParallel averages what each of them
    finds: so each passes the gradient on as it is.
    """
    return tensor if count() == 1 else _Averaged.apply(tensor)


class _Averaged(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor):
        return summed(tensor) / count()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def gathered(tensor):
    """The tensors of all ranks, of one shape, one after another along the first axis. No gradient."""
    if count() == 1:
        return tensor
    parts = [torch.empty_like(tensor) for _ in range(count())]
    dist.all_gather(parts, tensor.detach().contiguous())
    return torch.cat(parts)


def from_first(tensor):
    """Gives every rank the values of the first, in place."""
    if count() > 1:
        dist.broadcast(tensor, src=0)
    return tensor


def rows_at(rows, places, parts=1):
    """Rows of all ranks by their places in the whole batch, the same on each rank.

    rows: of this rank, [M, D], part of the batch after part
    places: [K] integers below M times the ranks
    parts: in how many parts the batch was shared out among the ranks, one after another (gradient accumulation)
    """
    if count() == 1:
        return rows[places]
    size = len(rows) // parts
    part, within = places // (size * count()), places % (size * count())
    is_own = within // size == own()
    local = part * size + within % size
    found = torch.where(is_own[:, None], rows[torch.where(is_own, local, 0)], 0)
    return summed(found)
