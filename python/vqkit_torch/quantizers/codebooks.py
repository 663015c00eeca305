"""The codebooks of vector quantizers: how K codes of D numbers are held and learn."""

import torch
from torch import nn

from .. import ranks
from .base import unit_rows
from .vector import VectorQuantizer, with_rows


class Free(VectorQuantizer):
    """A plain table that learns by gradient, from the codebook loss (arXiv 1711.00937)."""

    def __init__(self, config):
        super().__init__(config)
        self.codes = nn.Parameter(torch.zeros(self.codebook_size, self.code_dim))

    def all_codes(self):
        return self.placed(self.codes)

    def set_codes(self, codes):
        self.codes.copy_(self.placed(codes))

    def put(self, is_new, codes):
        self.codes.copy_(with_rows(self.codes, is_new, codes))
        return ["codes"]


class Sphere(Free):
    """Latents and codes are divided by their lengths, so that the direction alone decides (ViT-VQGAN, arXiv 2110.04627)."""

    def placed(self, rows):
        return unit_rows(rows)


class InnerProduct(Free):
    """The code with the largest z·e is chosen (IBQ, arXiv 2412.02692)."""

    similarity = "inner-product"


class Frozen(VectorQuantizer):
    """A random table that never changes: the baseline of SimVQ, arXiv 2411.02038."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("codes", torch.zeros(self.codebook_size, self.code_dim))

    def all_codes(self):
        return self.codes

    def set_codes(self, codes):
        self.codes.copy_(codes)


class MovingAverages(VectorQuantizer):
    """ema: codes are running means of the latents assigned to them (arXiv 1711.00937, appendix A.1).

    e = m/Ñ with Ñ = (N + ε)/(ΣN + Kε)·ΣN; N is `counts`, m is `sums`, γ is `emaDecay`. A code that is not chosen keeps both
    where γN would be below 1000ε, so that smoothing moves it by 1/1000 at most.
    """

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("counts", torch.ones(self.codebook_size))
        self.register_buffer("sums", torch.zeros(self.codebook_size, self.code_dim))

    def all_codes(self):
        return self.sums / self._smoothed()[:, None]

    def _smoothed(self):
        """Ñ, [K]."""
        total, epsilon = self.counts.sum(), self.config["emaEpsilon"]
        return (self.counts + epsilon) / (total + self.codebook_size * epsilon) * total

    def set_codes(self, codes):
        self.counts.fill_(1)
        self.sums.copy_(codes)

    def learn(self, latents, indices):
        decay = self.config["emaDecay"]
        counts, sums = _assigned(latents, indices, self.codebook_size)
        is_fading = self.counts * decay < 1000 * self.config["emaEpsilon"]
        kept = torch.where((counts == 0) & is_fading, 1.0, decay)
        self.counts.copy_(self.counts * kept + counts * (1 - decay))
        self.sums.copy_(self.sums * kept[:, None] + sums * (1 - decay))

    def put(self, is_new, codes):
        """A new code starts as if chosen once; its sum is what makes it equal the code that is asked for."""
        self.counts.copy_(torch.where(is_new, 1.0, self.counts))
        self.sums.copy_(with_rows(self.sums, is_new, codes * self._smoothed()[:, None]))
        return ["counts", "sums"]


class SphereAverages(VectorQuantizer):
    """ema-sphere: each code is the direction of the running sum of its latents' directions. No count is kept: a sum's length
    has no part."""

    SHORTEST_SUM = 1e-3  # shorter ones are not shrunk

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("sums", torch.zeros(self.codebook_size, self.code_dim))

    def placed(self, rows):
        return unit_rows(rows)

    def all_codes(self):
        return unit_rows(self.sums)

    def set_codes(self, codes):
        self.sums.copy_(unit_rows(codes))

    def learn(self, latents, indices):
        decay = self.config["emaDecay"]
        _, sums = _assigned(latents, indices, self.codebook_size)
        is_long = self.sums.norm(dim=1, keepdim=True) > self.SHORTEST_SUM
        kept = torch.where(is_long, self.sums * decay, self.sums)
        self.sums.copy_(kept + sums * (1 - decay))

    def put(self, is_new, codes):
        self.sums.copy_(with_rows(self.sums, is_new, codes))
        return ["sums"]


class Linear(VectorQuantizer):
    """SimVQ (arXiv 2411.02038): codes C·W + b. The table C never changes; W and b learn from the codebook loss, so that a
    step which chose only a few codes moves all of them."""

    def __init__(self, config):
        super().__init__(config)
        d = self.code_dim
        self.register_buffer("table", torch.zeros(self.codebook_size, d))
        self.kernel = nn.Parameter(torch.zeros(d, d))
        self.bias = nn.Parameter(torch.zeros(d)) if config["linearBias"] else None

    def all_codes(self):
        product = self.table @ self.kernel
        return product if self.bias is None else product + self.bias

    def set_codes(self, codes):
        self.table.copy_(codes)
        self.kernel.copy_(torch.eye(self.code_dim))
        if self.bias is not None:
            self.bias.zero_()


def _assigned(latents, indices, codes):
    """How many latents of all ranks chose each code, [K], and their sums, [K, D]."""
    counts = torch.bincount(indices, minlength=codes).to(latents)
    sums = latents.new_zeros(codes, latents.shape[1]).index_add_(0, indices, latents)
    return ranks.summed(counts), ranks.summed(sums)
