"""Multi-scale residual quantization (VAR, arXiv 2404.02905, algorithms 1 and 2).

With r = z and f̂ = 0, for each scale s: the codes of r at s×s (`area`) are looked up, resized to S×S (`bicubic`) and passed
through φ; h is added to f̂ and subtracted from r. Losses are means over scales: `codebook` ‖f̂_s − sg z‖², which teaches the
codes and φ, and `commitment` ‖sg f̂_s − z‖². The codes of a picture are one sequence: scales [1, 2, 4] take latents
[8, 4, 4, D] to indices [8, 1, 21, 1].
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..draws import shown, shown_parts
from .base import Quantization, Quantizer, mean_square, straight_through


class MultiScale(Quantizer):
    def __init__(self, config, member):
        super().__init__()
        self.config = config
        self.codebook = member
        self.codebook_size, self.code_dim = member.codebook_size, member.code_dim
        self.scales = config["scales"]
        self.side = self.scales[-1]
        self.latents_for_initialization = member.latents_for_initialization
        count = config["phiCount"] or len(self.scales)
        count = 0 if config["phiRatio"] == 0 else min(count, len(self.scales))
        phis = [Phi(self.code_dim, config["phiRatio"]) for _ in range(count)]
        self.phi = nn.ModuleList(phis)
        self.phi_of = phi_of_scale(len(self.scales), max(1, count))
        for i, phi in enumerate(phis):
            phi.requires_grad_(i in self.phi_of)  # one that no scale takes learns nothing
        weights = member.loss_weights
        self.loss_weights = {"commitment": weights.get("commitment", 0.25)}
        if count > 0 or any(True for _ in member.parameters()):
            self.loss_weights["codebook"] = weights.get("codebook", 1)

    def draw(self, draw):
        rate = self.config["quantizerDropout"]
        return {} if rate == 0 else {"shown": shown_parts(draw, rate, len(self.scales))}

    def forward(self, latents, drawn=None):
        found = self.search(latents.detach())
        added = [self.added(indices, i) for i, indices in enumerate(found)]
        sums = partial_sums(added)
        total = partial_sums(shown(added, drawn))[-1]
        losses = {"commitment": sum(mean_square(latents - each.detach()) for each in sums) / len(sums)}
        if "codebook" in self.loss_weights:
            losses["codebook"] = sum(mean_square(each - latents.detach()) for each in sums) / len(sums)
        indices = torch.cat([each.flatten(1, 2)[:, None] for each in found], 2)
        return Quantization(straight_through(latents, total), indices, losses)

    @torch.no_grad()
    def search(self, latents):
        """Each scale's indices, [N, s, s, 1]."""
        found, residual = [], latents
        for i, side in enumerate(self.scales):
            found.append(self.codebook(smaller(residual, side)).indices)
            residual = residual - self.added(found[-1], i)
        return found

    def added(self, indices, i):
        """What a scale adds to the grid: φ of its codes, as large as the grid."""
        grown = larger(self.codebook.codes_of(indices), self.side)
        return self.phi[self.phi_of[i]](grown) if len(self.phi) else grown

    def split(self, indices):
        """The sequence [N, 1, L, 1] as one grid a scale."""
        parts = indices.split([side**2 for side in self.scales], dim=2)
        return [part.reshape(-1, side, side, 1) for part, side in zip(parts, self.scales)]

    def codes_of(self, indices):
        added = [self.added(each, i) for i, each in enumerate(self.split(indices))]
        return partial_sums(added)[-1]

    def initialize(self, latents, stream, parts=1):
        """Of the latents as they are: no scale is known before the first codes."""
        self.codebook.initialize(latents, stream, parts)

    @torch.no_grad()
    def update(self, latents, indices):
        given, chosen, residual = [], [], latents
        for i, (each, side) in enumerate(zip(self.split(indices), self.scales)):
            given.append(smaller(residual, side).reshape(-1, self.code_dim))
            chosen.append(each.flatten())
            residual = residual - self.added(each, i)
        # All scales at once: the codes that chose are those of one moment.
        self.codebook.update(torch.cat(given)[None, None], torch.cat(chosen)[None, None, :, None])


class Phi(nn.Module):
    """φ(h) = (1 − ρ)·h + ρ·conv(h), a 3×3 convolution whose kernel is the matrix [9·D, D] of patches."""

    def __init__(self, code_dim, ratio):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(9 * code_dim, code_dim))
        self.bias = nn.Parameter(torch.zeros(code_dim))
        self.ratio = ratio

    def forward(self, grid):
        d = len(self.bias)
        kernel = self.kernel.reshape(3, 3, d, d).permute(3, 2, 0, 1)
        made = F.conv2d(grid.permute(0, 3, 1, 2), kernel, self.bias, padding=1).permute(0, 2, 3, 1)
        return grid * (1 - self.ratio) + made * self.ratio


def phi_of_scale(scales, count):
    """Which φ each scale takes, as VAR's code has it: the one whose tick is nearest to the scale's place in 0..1."""
    first = 1 / (3 if count == 4 else 2) / count
    last = 1 - first
    step = (last - first) / max(1, count - 1)
    ticks = [last if 0 < i == count - 1 else i * step + first for i in range(count)]
    found = []
    for scale in range(scales):
        place = 0 if scales == 1 else scale / (scales - 1)
        distances = [abs(tick - place) for tick in ticks]
        found.append(distances.index(min(distances)))
    return found


def partial_sums(parts):
    sums = [parts[0]]
    for part in parts[1:]:
        sums.append(sums[-1] + part)
    return sums


def smaller(grid, side):
    """A square grid [N, s, s, D] at a smaller side, by means."""
    if grid.shape[1] == side:
        return grid
    return F.interpolate(grid.permute(0, 3, 1, 2), size=(side, side), mode="area").permute(0, 2, 3, 1)


def larger(grid, side):
    if grid.shape[1] == side:
        return grid
    made = F.interpolate(grid.permute(0, 3, 1, 2), size=(side, side), mode="bicubic", align_corners=False)
    return made.permute(0, 2, 3, 1)
