"""Product quantization: the channels in groups, one quantizer for each (HiFi-Codec, arXiv 2305.02765).

Groups of 2, 2 and 1 numbers take latents [8, 16, 12, 5] to indices [8, 16, 12, 3].
"""

import torch

from .base import Quantization
from .members import Composite, mean_losses


class Grouped(Composite):
    def __init__(self, config, members):
        super().__init__(config, members)
        self.sizes = [member.code_dim for member in members]
        self.code_dim = sum(self.sizes)
        has_own = all(getattr(member, "estimator", None) is not None for member in members)
        self.estimator = self.side_by_side if has_own else None

    def side_by_side(self, latents, codes, choice):
        """One estimator for each group, on its channels: for a residual quantizer whose first member this is."""
        parts = zip(self.members, latents.split(self.sizes, 1), codes.split(self.sizes, 1))
        return torch.cat([member.estimator(z, q, choice) for member, z, q in parts], 1)

    def forward(self, latents, drawn=None):
        groups = latents.split(self.sizes, dim=3)
        outputs = [member(group) for member, group in zip(self.members, groups)]
        quantized = torch.cat([output.quantized for output in outputs], 3)
        indices = torch.cat([output.indices for output in outputs], 3)
        return Quantization(quantized, indices, mean_losses([each.losses for each in outputs], self.sizes))

    def codes_of(self, indices):
        parts = zip(self.members, self.split_indices(indices))
        return torch.cat([member.codes_of(part) for member, part in parts], 3)

    @torch.no_grad()
    def initialize(self, latents, stream, parts=1):
        for member, group in zip(self.members, latents.split(self.sizes, dim=1)):
            member.initialize(group.contiguous(), stream, parts)

    @torch.no_grad()
    def update(self, latents, indices):
        parts = zip(self.members, latents.split(self.sizes, dim=3), self.split_indices(indices))
        for member, group, part in parts:
            member.update(group, part)
