"""What every quantizer is."""

from typing import NamedTuple

import torch
from torch import nn


class Quantization(NamedTuple):
    quantized: torch.Tensor  # [N, H, W, D]: the chosen codes by value; its gradient is the estimator's
    indices: torch.Tensor  # [N, H, W, Q], each in 0..K-1; of a sequence [N, 1, L, Q]
    losses: dict  # by name, unweighted scalars


class Replacement(NamedTuple):
    codes: torch.Tensor  # [K], true for each code that was replaced
    names: list  # of the parameters and buffers whose rows are new there


class Quantizer(nn.Module):
    """Maps latents [N, H, W, D] to the nearest entries of a discrete set.

    `forward` changes nothing. What learns without gradients does so in `update`, after the optimizer's step.
    """

    codebook_size: int  # K
    num_codebooks = 1  # Q
    code_dim: int  # D
    loss_weights: dict  # of each loss by name; 0: recorded, and not minimised
    latents_for_initialization = 0  # how many `initialize` wants to see before the first step

    def draw(self, draw):
        """Tensors by name that `forward` gets in a step of training; `draw` is a draws.Draw."""
        return {}

    def draw_replacement(self, draw):
        """The same for `replace_dead_codes`; of the whole batch of a step, the same on all ranks."""
        return {}

    def forward(self, latents, drawn=None):
        """drawn: as `draw` made it; None in evaluation, where `quantized` is the codes."""
        raise NotImplementedError

    def codes_of(self, indices):
        """[N, H, W, Q] → [N, H, W, D]: the codes of indices."""
        raise NotImplementedError

    def initialize(self, latents, stream, parts=1):
        """Sets the codebook from latents [M, D] of this rank, the same on all.

        parts: batches that they are of, each shared out among the ranks
        """

    def update(self, latents, indices):
        """The codebook's own learning (moving averages), from this rank's part of the batch."""

    def replace_dead_codes(self, latents, indices, drawn, parts=1):
        """Puts codes that are out of use elsewhere, after `update`; None for a quantizer that never does.

        parts: in how many parts the batch was shared out among the ranks
        """
        return None


class ReplaceGradient(torch.autograd.Function):
    """`value` going forward; going back, `backward(gradient)` at `latents`."""

    @staticmethod
    def forward(ctx, latents, value, backward):
        ctx.at_latents = backward
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        return ctx.at_latents(gradient), None, None


def straight_through(latents, codes):
    """The codes by value, bit for bit; the gradient at them is copied to the latents (arXiv 1308.3432)."""
    return ReplaceGradient.apply(latents, codes.detach(), lambda gradient: gradient)


def mean_square(x):
    return x.square().mean()


SHORTEST = 1e-6


def unit_rows(rows):
    """Rows [..., D] at length 1. One shorter than 1e-6 has no direction: it is divided by that, and gradients pass it."""
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    short = rows + (rows / SHORTEST - rows).detach()
    return torch.where(length >= SHORTEST, rows / length.clamp_min(SHORTEST), short)
