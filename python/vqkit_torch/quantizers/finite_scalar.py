"""Finite scalar quantization: bound each latent dimension, round it, and call the grid of roundings the codebook.

paper (Mentzer et al., arXiv 2309.15505): for L levels half = (L−1)(1+ε)/2, o = ½ if L is even else 0, shift = atanh(o/half);
tanh(z + shift)·half − o is rounded and divided by ⌊L/2⌋.
symmetric (arXiv 2411.19842): with b = tanh z the code is 2/(L−1)·⌊(L−1)(b+1)/2 + ½⌋ − 1, so that ±1 are codes.
sigmoid (iFSQ, arXiv 2601.17124): the same with b = 2σ(1.6z) − 1 = tanh(0.8z).
"""

import math

import torch

from .. import ranks
from .grid import GridQuantizer

EPSILON = 1e-3
GAINS = {"symmetric": 1.0, "sigmoid": 0.8}


class FiniteScalar(GridQuantizer):
    def __init__(self, config):
        levels = config["levels"]
        super().__init__(config, levels)
        self.is_paper = config["bound"] == "paper"
        if self.is_paper:
            half = [(level - 1) * (1 + EPSILON) / 2 for level in levels]
            offset = [0.0 if level % 2 else 0.5 for level in levels]
            self.constant("halves", half)
            self.constant("offset", offset)
            self.constant("shift", [math.atanh(o / h) for o, h in zip(offset, half)])
            self.constant("middle", [level // 2 for level in levels])
            self.constant("steps", [1 / (level // 2) for level in levels])
        else:
            self.gain = GAINS[config["bound"]]
            self.constant("halves", [(level - 1) / 2 for level in levels])
            self.constant("steps", [2 / (level - 1) for level in levels])

    def place(self, latents):
        if self.is_paper:
            bounded = torch.tanh(latents + self.shift) * self.halves - self.offset
            return bounded.detach().round() + self.middle, bounded / self.middle
        bounded = torch.tanh(latents * self.gain)
        return torch.floor((bounded.detach() + 1) * self.halves + 0.5), bounded

    def values(self, digits):
        if self.is_paper:
            return (digits - self.middle) / self.middle
        return digits / self.halves - 1

    # Noise dropout (arXiv 2411.19842, section 3.2): a share of the numbers gets noise as wide as a step instead.

    def draw(self, draw):
        rate = self.config["noiseDropout"]
        if rate == 0:
            return {}
        shape = *draw.grid, self.code_dim
        return {"noise": draw.uniform(*shape) - 0.5, "is_noisy": _chosen(draw, shape, rate)}

    def in_training(self, smooth, codes, drawn):
        return torch.where(drawn["is_noisy"] > 0, smooth + drawn["noise"] * self.steps, codes)


def _chosen(draw, shape, rate):
    """1 for each number that is chosen with this probability; a stream of its own beside the noise's."""

    def fill(generator):
        torch.rand(shape, generator=generator, device=draw.device)
        return torch.rand(shape, generator=generator, device=draw.device)

    return (draw.noise(fill) < rate).float()


class FiniteScalarPerturbation(GridQuantizer):
    """VP-VAE (arXiv 2602.17133): training adds noise as wide as a cell, and only evaluation rounds.

    p = (1 + tanh z)/2 is cut into L equal cells; codes are their middles, (p̂ − ½)·√12. In training the decoder gets
    (p + n − ½)·√12 with n from U(−½, ½)/L, n = 0 where that would leave 0..1. Latents are held to mean 0 and variance π²/12
    of each dimension, over the batches of all ranks.
    """

    SPREAD = math.sqrt(12)

    def __init__(self, config):
        super().__init__(config, config["levels"])
        self.loss_weights = {"spread": config["spreadWeight"]}

    def place(self, latents):
        share = (torch.tanh(latents) + 1) / 2
        cells = torch.minimum(torch.floor(share.detach() * self.level_counts), self.level_counts - 1)
        return cells, (share - 0.5) * self.SPREAD

    def values(self, digits):
        return ((digits + 0.5) / self.level_counts - 0.5) * self.SPREAD

    def draw(self, draw):
        shape, rate = (*draw.grid, self.code_dim), self.config["quantizeRate"]
        noise = {"noise": draw.uniform(*shape) - 0.5}
        return {**noise, "is_rounded": _chosen(draw, shape, rate)} if rate > 0 else noise

    def in_training(self, smooth, codes, drawn):
        share = smooth / self.SPREAD + 0.5
        moved = share + drawn["noise"] / self.level_counts
        noisy = (torch.where((moved > 0) & (moved < 1), moved, share) - 0.5) * self.SPREAD
        return torch.where(drawn["is_rounded"] > 0, codes, noisy) if "is_rounded" in drawn else noisy

    def losses(self, latents, codes):
        rows = latents.reshape(-1, self.code_dim)
        mean, variance = moments(rows)
        off = variance - math.pi**2 / 12
        return {"spread": 0.1 * mean.square().mean() + 0.07 * off.square().mean()}


def moments(rows):
    """Mean and unbiased variance of each column over the rows of all ranks."""
    mean = ranks.averaged(rows.mean(0))
    count = len(rows) * ranks.count()
    # Deviations add up to 0, so the mean among them needs no gradient; on one rank alone they do not.
    squares = ranks.averaged((rows - mean.detach()).square().mean(0))
    return mean, squares * count / max(1, count - 1)
