"""Quantizers without a table: the codes are all points of a grid, and an index is the point's digits read as one number,
the first dimension least significant. Levels [8, 6, 5] take latents [N, H, W, 3] to indices [N, H, W, 1] in 0..239.
"""

import math

import torch

from .base import Quantization, Quantizer, straight_through


class GridQuantizer(Quantizer):
    """A rule says where latents stand on the grid (`place`) and what the points' values are (`values`)."""

    def __init__(self, config, levels):
        super().__init__()
        self.config = config
        self.levels = list(levels)
        self.codebook_size, self.code_dim = math.prod(levels), len(levels)
        self.loss_weights = {}
        self.constant("level_counts", levels)
        places = [math.prod(levels[:i]) for i in range(len(levels))]
        self.register_buffer("places", torch.tensor(places), persistent=False)

    def constant(self, name, values):
        """Numbers of each dimension that go along to the device, and stand in no file."""
        self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    def place(self, latents):
        """Digits, the i-th in 0..levels[i]-1, and what the gradient at the codes is copied to."""
        raise NotImplementedError

    def values(self, digits):
        """Digits → codes."""
        raise NotImplementedError

    def in_training(self, smooth, codes, drawn):
        """What the decoder gets in training in the place of the codes."""
        return codes

    def losses(self, latents, codes):
        return {}

    def forward(self, latents, drawn=None):
        digits, smooth = self.place(latents)
        codes = self.values(digits)
        value = self.in_training(smooth.detach(), codes, drawn) if drawn else codes
        indices = (digits.long() * self.places).sum(-1, keepdim=True)
        return Quantization(straight_through(smooth, value), indices, self.losses(latents, codes))

    def codes_of(self, indices):
        return self.values(self.digits_of(indices))

    def digits_of(self, indices):
        return indices // self.places % self.level_counts.long()
