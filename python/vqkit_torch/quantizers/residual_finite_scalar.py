"""Residual FSQ: a grid of levels, and in each of its cells the same grid again, L times as fine.

As `ResidualFSQ` of vector-quantize-pytorch, after SoundStream, arXiv 2107.03312. z is bounded once, x = c·tanh(z/c) with
c = L/(L−1). With r_0 = x and the scale s_i = L^−i, quantizer i has the digit ⌊(L−1)(clip(r_i/s_i, −1, 1) + 1)/2 + ½⌋, the
code s_i·(digit·2/(L−1) − 1), and r_{i+1} = r_i − code. The gradient passes the rounding once, straight through.
"""

import torch

from ..draws import shown, shown_parts
from .base import Quantization, straight_through
from .grid import GridQuantizer
from .residual import sum_of


class ResidualFiniteScalar(GridQuantizer):
    def __init__(self, config):
        levels, count = config["levels"], config["numQuantizers"]
        super().__init__(config, levels)
        self.num_codebooks = count
        self.constant("limit", [1 + 1 / (level - 1) for level in levels])
        self.constant("halves", [(level - 1) / 2 for level in levels])
        self.constant("step", [2 / (level - 1) for level in levels])
        self.constant("scales", [[level**-i for level in levels] for i in range(count)])

    def draw(self, draw):
        rate = self.config["quantizerDropout"]
        return {} if rate == 0 else {"shown": shown_parts(draw, rate, self.num_codebooks)}

    def forward(self, latents, drawn=None):
        bounded = torch.tanh(latents / self.limit) * self.limit
        indices, codes = [], []
        residual = bounded.detach()
        for scale in self.scales:
            digits = torch.floor(((residual / scale).clamp(-1, 1) + 1) * self.halves + 0.5)
            chosen = (digits * self.step - 1) * scale
            indices.append((digits.long() * self.places).sum(-1, keepdim=True))
            codes.append(chosen)
            residual = residual - chosen
        quantized = straight_through(bounded, sum_of(shown(codes, drawn)))
        return Quantization(quantized, torch.cat(indices, 3), {})

    def codes_of(self, indices):
        parts = zip(indices.split(1, dim=3), self.scales)
        return sum_of([(self.digits_of(part) * self.step - 1) * scale for part, scale in parts])
