"""Vector quantizers: a codebook × a gradient estimator.

z is `latents`, q is `chosen`, β is `commitmentWeight`. Latents [N, H, W, D] are flattened to [M, D], each row is replaced
by its nearest code, and the grid is restored. The codebooks stand in `codebooks.py` and `bridge.py`.
"""

import torch
from torch import nn

from .. import ranks
from . import dead_codes, estimators, regularization
from .base import Quantization, Quantizer, Replacement, mean_square
from .kmeans import kmeans, sampled_rows

LATENTS_PER_CLUSTER = 4


class VectorQuantizer(Quantizer):
    """What all codebooks share. One of them says where its codes are, how they are set, and how they learn."""

    similarity = "distance"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.codebook_size, self.code_dim = config["codebookSize"], config["codeDim"]
        self.estimator = estimators.make(config)
        self.loss_weights = {"commitment": config["commitmentWeight"], **regularization.weights(config)}
        if "codebookWeight" in config:
            self.loss_weights["codebook"] = config["codebookWeight"]
        wanted = {"kmeans": LATENTS_PER_CLUSTER, "data": 1}
        self.latents_for_initialization = wanted.get(config["initialization"], 0) * self.codebook_size
        if dead_codes.replaces(config):
            self.register_buffer("shares", torch.ones(self.codebook_size))

    def all_codes(self):
        """The codes as they are now, [K, D]."""
        raise NotImplementedError

    def placed(self, rows):
        """Where latents [M, D] are put before they are compared with codes."""
        return rows

    def set_codes(self, codes):
        """Makes `all_codes()` return these, and resets what was learned."""
        raise NotImplementedError

    def learn(self, latents, indices):
        """Moving averages; nothing where gradients teach the codes. [M, D] and [M]"""

    def put(self, is_new, codes):
        """Replaces codes where `is_new` [K] is true by `codes` [K, D]; the names of what changed there."""
        raise NotImplementedError

    def draw(self, draw):
        return self.estimator.draw(draw, self.codebook_size, self.code_dim)

    def draw_replacement(self, draw):
        if not dead_codes.replaces(self.config):
            return {}
        return dead_codes.draw(draw, self.config, self.codebook_size)

    def forward(self, latents, drawn=None):
        n, h, w, d = latents.shape
        rows, table = self.placed(latents.reshape(-1, d)), self.all_codes()
        indices = self.estimator.choose(rows, table, self.similarity, drawn)
        chosen = nn.functional.embedding(indices, table)
        choice = estimators.Choice(table, indices, self.similarity, drawn)
        losses = {"commitment": mean_square(rows - chosen.detach())}
        if "codebook" in self.loss_weights:
            losses["codebook"] = mean_square(rows.detach() - chosen)
        losses |= regularization.losses(self.config, rows, table, self.similarity)
        quantized = self.estimator(rows, chosen, choice).reshape(n, h, w, d)
        return Quantization(quantized, indices.reshape(n, h, w, 1), losses)

    def codes_of(self, indices):
        return self.all_codes()[indices[..., 0]]

    @torch.no_grad()
    def initialize(self, latents, stream, parts=1):
        if self.latents_for_initialization == 0:
            return
        choose = kmeans if self.config["initialization"] == "kmeans" else sampled_rows
        self.set_codes(choose(self.placed(latents), self.codebook_size, stream, parts))

    @torch.no_grad()
    def update(self, latents, indices):
        self.learn(self.placed(latents.reshape(-1, self.code_dim)), indices.flatten())

    @torch.no_grad()
    def replace_dead_codes(self, latents, indices, drawn, parts=1):
        if not dead_codes.replaces(self.config):
            return None
        shares = dead_codes.shares_after(self.shares, indices.flatten(), self.config)
        is_new = (shares < self.config["replaceBelow"]) & (drawn["replacement_due"] > 0)
        self.shares.copy_(torch.where(is_new, 1.0, shares))
        if not is_new.any():
            return Replacement(is_new, [])
        rows = self.placed(latents.reshape(-1, self.code_dim))
        donors = ranks.rows_at(rows, drawn["replacement_donors"], parts)
        return Replacement(is_new, [*self.put(is_new, donors), "shares"])


def with_rows(table, is_new, others):
    """Rows of `table` where `is_new` is false, rows of `others` where it is true."""
    return torch.where(is_new[:, None], others, table)
