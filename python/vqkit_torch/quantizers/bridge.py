"""VQBridge (FVQ, arXiv 2509.10140): a learned table seen through a transformer over the whole table.

Groups of `bridgeGroup` rows of the table C are one token each (compress), tokens go through `bridgeDepth` blocks, and each
becomes as many rows again (recover). Codes are C plus what is recovered.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .vector import VectorQuantizer


class Dense(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, rows):
        return rows @ self.kernel + self.bias


class RowNorm(nn.Module):
    """Each row at mean 0 and variance 1, then scaled and shifted."""

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, rows):
        return F.layer_norm(rows, rows.shape[-1:], self.scale, self.shift, eps=1e-5)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = RowNorm(width), RowNorm(width)
        self.queries, self.keys, self.values = (Dense(width, width) for _ in range(3))
        self.attended = Dense(width, width)
        self.inner, self.outer = Dense(width, 4 * width), Dense(4 * width, width)

    def forward(self, tokens):
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.outer(F.gelu(self.inner(self.norm2(tokens))))

    def attention(self, tokens):
        count, width = tokens.shape
        rows = [
            each(tokens).reshape(count, self.heads, width // self.heads).transpose(0, 1)
            for each in (self.queries, self.keys, self.values)
        ]
        mixed = F.scaled_dot_product_attention(*rows)  # [heads, T, width / heads]
        return self.attended(mixed.transpose(0, 1).reshape(count, width))


class Bridge(VectorQuantizer):
    def __init__(self, config):
        super().__init__(config)
        heads, group = config["bridgeHeads"], config["bridgeGroup"]
        width = -(-config["bridgeWidth"] // heads) * heads
        self.group = group
        self.table = nn.Parameter(torch.zeros(self.codebook_size, self.code_dim))
        self.compress = Dense(group * self.code_dim, width)
        self.depth = config["bridgeDepth"]
        for i in range(self.depth):
            self.add_module(f"block{i}", Block(width, heads))
        self.norm = RowNorm(width)
        self.recover = Dense(width, group * self.code_dim)

    def all_codes(self):
        codes, dim = self.table.shape
        tokens = -(-codes // self.group)
        whole = F.pad(self.table, (0, 0, 0, tokens * self.group - codes))
        x = self.compress(whole.reshape(tokens, self.group * dim))
        for i in range(self.depth):
            x = getattr(self, f"block{i}")(x)
        return self.table + self.recover(self.norm(x)).reshape(-1, dim)[:codes]

    def set_codes(self, codes):
        self.table.copy_(codes)
        self.recover.kernel.zero_()
        self.recover.bias.zero_()
