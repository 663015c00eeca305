"""Quantizers whose digits are signs, and the entropies of soft choices among the corners of a cube.

With logits l a latent takes corner c with the probability Π σ(±l_i): the softmax over all 2^D corners of a score that is a
sum over dimensions. So a latent's entropy is the sum of its bits', and the mean distribution over M latents is one matrix
product, [2^⌈D/2⌉, M] × [M, 2^⌊D/2⌋], in which no [M, 2^D] is made.
"""

import math

import torch
from torch.nn import functional as F

from .. import ranks
from .base import mean_square, unit_rows
from .grid import GridQuantizer

LEAST = 1e-12


class LookupFree(GridQuantizer):
    """LFQ (MAGVIT-v2, arXiv 2310.05737; Open-MAGVIT2): the code is the latent's signs.

    Losses: commitment, and E[H(p)] − γ·H(E[p]) with p the softmax of −‖z − c‖²/τ over all codes, in which each bit has the
    logit 4z/τ by itself.
    """

    length = 1.0  # codes are ± 1/length in each dimension

    def __init__(self, config):
        super().__init__(config, [2] * config["codeDim"])
        self.loss_weights = {"commitment": config["commitmentWeight"], "entropy": config["entropyWeight"]}

    def smooth(self, latents):
        return latents

    def place(self, latents):
        return (latents > 0).to(latents), self.smooth(latents)

    def values(self, digits):
        return (digits * 2 - 1).float() / self.length

    def losses(self, latents, codes):
        c, smooth = self.config, self.smooth(latents)
        logits = smooth.reshape(-1, self.code_dim) * (4 / self.length / c["temperature"])
        diversity = c["diversityWeight"] * batch_entropy(logits, c["bitsTogether"])
        return {"commitment": mean_square(smooth - codes), "entropy": mean_entropy(logits) - diversity}


class BinarySpherical(LookupFree):
    """BSQ (arXiv 2406.07548): the latent at length 1, and codes sign(z)/√D, of length 1 too."""

    def __init__(self, config):
        super().__init__(config)
        self.length = math.sqrt(self.code_dim)

    def smooth(self, latents):
        return unit_rows(latents)


def mean_entropy(logits):
    """E[H(p)]: the mean entropy of one latent's choice, in nats. logits of each bit to be set, [M, D]"""
    is_set = torch.sigmoid(logits) * F.softplus(-logits)
    is_unset = torch.sigmoid(-logits) * F.softplus(logits)
    return (is_set + is_unset).sum(1).mean()


def batch_entropy(logits, bits_together):
    """H(E[p]) over the latents of all ranks. Groups of `bits_together` neighbouring bits have one joint distribution;
    where D is more they count as independent of each other, which makes the result an upper bound."""
    return sum(_entropy(_mean_joint(group)) for group in logits.split(bits_together, dim=1))


def _entropy(mean):
    mean = ranks.averaged(mean)
    return -(mean * mean.clamp_min(LEAST).log()).sum()


def _mean_joint(logits):
    """The mean over latents of the joint distribution of some bits, [high bits, low bits]."""
    middle = logits.shape[1] // 2
    low, high = _joint(logits[:, :middle]), _joint(logits[:, middle:])
    return high.T @ low / len(logits)


def _joint(logits):
    """[M, 2^bits], the first bit least significant."""
    joint = logits.new_ones(len(logits), 1)
    for i in range(logits.shape[1]):
        column = logits[:, i : i + 1]
        joint = torch.cat([joint * torch.sigmoid(-column), joint * torch.sigmoid(column)], dim=1)
    return joint
