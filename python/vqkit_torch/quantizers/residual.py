"""Residual quantization: each member quantizes what the earlier ones left, and the code is the sum of theirs.

SoundStream, arXiv 2107.03312, algorithm 1; for images arXiv 2203.01941. With r_0 = z: member i chooses q_i for r_i, and
r_{i+1} = r_i − sg(q_i). The gradient passes once, from the sum of the codes to z, by the first member's estimator.
"""

import torch

from ..draws import shown, shown_parts
from .base import Quantization, straight_through
from .estimators import NOTHING_ELSE
from .members import Composite, mean_losses


class Residual(Composite):
    def __init__(self, config, members):
        super().__init__(config, members)
        self.code_dim = members[0].code_dim
        self.estimator = getattr(members[0], "estimator", None)

    def draw(self, draw):
        rate = self.config["quantizerDropout"]
        return {} if rate == 0 else {"shown": shown_parts(draw, rate, self.member_count)}

    def forward(self, latents, drawn=None):
        indices, losses, codes = [], [], []
        residual = latents
        for member in self.members:
            output = member(residual)
            chosen = member.codes_of(output.indices)
            indices.append(output.indices)
            losses.append(output.losses)
            codes.append(chosen)
            residual = residual - chosen.detach()
        quantized = self.estimated(latents, sum_of(shown(codes, drawn)))
        return Quantization(quantized, torch.cat(indices, 3), mean_losses(losses, [1] * len(losses)))

    def estimated(self, latents, codes):
        if self.estimator is None:
            return straight_through(latents, codes)
        rows = [each.reshape(-1, self.code_dim) for each in (latents, codes)]
        return self.estimator(*rows, NOTHING_ELSE).reshape(latents.shape)

    def codes_of(self, indices):
        parts = zip(self.members, self.split_indices(indices))
        return sum_of([member.codes_of(part) for member, part in parts])

    @torch.no_grad()
    def initialize(self, latents, stream, parts=1):
        residual = latents
        for member in self.members:
            member.initialize(residual, stream, parts)
            grid = residual[None, None]
            residual = (grid - member.codes_of(member(grid).indices))[0, 0]

    @torch.no_grad()
    def update(self, latents, indices):
        # What each member was given, by the codes that chose: taken before any of them moves.
        parts, given = self.split_indices(indices), [latents]
        for member, part in zip(self.members[:-1], parts):
            given.append(given[-1] - member.codes_of(part))
        for member, own, part in zip(self.members, given, parts):
            member.update(own, part)


def sum_of(parts):
    """In order, the first two first."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
