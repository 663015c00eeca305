"""Quantizers with very many codes in plain PyTorch, forward and backward: what a careful user would write by hand.

usage: large_quantizers.py --kind KIND [--size 262144] [--vectors 8192] [--dim 16] [--block 64] [--threads 2] [--repeats 3]

Everything that has a number for each vector and code goes through blocks of vectors, and the backward pass computes it
again: with 262,144 codes and 8,192 vectors one such matrix is 8 GB.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from common import PeakMemory, arguments, report, seconds
from quantizers import FiniteScalarQuantizer, nearest, rotate

BETA, DECAY, EPSILON = 0.25, 0.99, 1e-5


class SoftChoice(torch.autograd.Function):
    """q by value, with the gradient of softmax(z·Eᵀ)·E to rows and codes (IBQ, arXiv 2412.02692)."""

    @staticmethod
    def forward(ctx, rows, codebook, indices, block):
        ctx.save_for_backward(rows, codebook, indices)
        ctx.block = block
        return codebook[indices]

    @staticmethod
    def backward(ctx, gradient):
        rows, codebook, indices = ctx.saved_tensors
        to_rows, to_codes = torch.empty_like(rows), torch.zeros_like(codebook)
        for at in range(0, len(rows), ctx.block):
            part = slice(at, at + ctx.block)
            p = torch.softmax(rows[part] @ codebook.t(), dim=1)
            along = gradient[part] @ codebook.t()
            along.sub_((p * along).sum(dim=1, keepdim=True)).mul_(p)
            to_rows[part] = along @ codebook
            to_codes.addmm_(along.t(), rows[part])
        to_codes.index_add_(0, indices, gradient)
        return to_rows, to_codes, None, None


class ChoiceEntropy(torch.autograd.Function):
    """E[H(p)] − H(E[p]) of p = softmax(z·Eᵀ/τ)."""

    @staticmethod
    def forward(ctx, rows, codebook, temperature, block):
        each, mean = 0.0, torch.zeros(len(codebook))
        for part in rows.split(block):
            logits = (part @ codebook.t()).div_(temperature)
            logarithms = torch.log_softmax(logits, dim=1)
            p = logarithms.exp()
            mean += p.sum(dim=0)
            each -= p.mul_(logarithms).sum()
        mean /= len(rows)
        log = mean.clamp(min=1e-12).log()
        ctx.save_for_backward(rows, codebook, log)
        ctx.temperature, ctx.block = temperature, block
        return each / len(rows) + (mean * log).sum()

    @staticmethod
    def backward(ctx, gradient):
        rows, codebook, log = ctx.saved_tensors
        to_rows, to_codes = torch.empty_like(rows), torch.zeros_like(codebook)
        scale = gradient / (len(rows) * ctx.temperature)
        for at in range(0, len(rows), ctx.block):
            part = slice(at, at + ctx.block)
            logarithms = torch.log_softmax((rows[part] @ codebook.t()).div_(ctx.temperature), dim=1)
            p = logarithms.exp()
            bend = log - logarithms
            bend.sub_((p * bend).sum(dim=1, keepdim=True)).mul_(p)
            to_rows[part] = bend @ codebook
            to_codes.addmm_(bend.t(), rows[part])
        return to_rows * scale, to_codes * scale, None, None


class Table(nn.Module):
    """A table of codes, with the parts that `kind` names."""

    def __init__(self, kind, size, dim, block):
        super().__init__()
        self.kind, self.block = kind, block
        learns = kind not in ("simvq", "ema", "ema-sphere", "frozen")
        self.table = nn.Parameter(torch.randn(size, dim) * dim**-0.5, requires_grad=learns)
        self.linear = nn.Linear(dim, dim) if kind == "simvq" else None
        self.counts = torch.ones(size)

    def codes(self):
        if self.linear is not None:
            return self.linear(self.table)
        if self.kind in ("sphere", "ema-sphere"):
            return F.normalize(self.table, dim=1)
        if self.kind == "ema":
            total = self.counts.sum()
            smoothed = (self.counts + EPSILON) / (total + len(self.counts) * EPSILON) * total
            return self.table / smoothed[:, None]
        return self.table

    def search(self, rows, codes):
        with torch.no_grad():
            if self.kind not in ("inner-product", "ibq", "entropy"):
                return nearest(rows, codes, self.block)
            transposed = codes.t()
            return torch.cat([(part @ transposed).max(dim=1).indices for part in rows.split(self.block)])

    def forward(self, rows):
        codes = self.codes()
        if self.kind in ("sphere", "ema-sphere"):
            rows = F.normalize(rows, dim=1)
        indices = self.search(rows, codes)
        chosen = F.embedding(indices, codes)
        loss = BETA * F.mse_loss(rows, chosen.detach())
        if codes.requires_grad:
            loss = loss + F.mse_loss(chosen, rows.detach())
        if self.kind == "entropy":
            loss = loss + 0.05 * ChoiceEntropy.apply(rows, codes, 0.01, self.block)
        return self.estimate(rows, codes, chosen, indices), indices, loss

    def estimate(self, rows, codes, chosen, indices):
        if self.kind == "ibq":
            return SoftChoice.apply(rows, codes, indices, self.block)
        if self.kind == "rotation":
            return rotate(rows, chosen.detach())
        if self.kind in ("diveq", "nsvq"):
            error = chosen - rows
            with torch.no_grad():
                noise = torch.randn_like(rows)
                direction = F.normalize(noise if self.kind == "nsvq" else error + 1e-3**0.5 * noise, dim=1)
            return rows + error.norm(dim=1, keepdim=True) * direction
        return rows + (chosen - rows).detach()

    @torch.no_grad()
    def learn(self, rows, indices):
        if self.kind not in ("ema", "ema-sphere"):
            return
        rows = F.normalize(rows, dim=1) if self.kind == "ema-sphere" else rows
        counts = torch.zeros_like(self.counts).index_add_(0, indices, torch.ones(len(indices)))
        self.counts.mul_(DECAY).add_(counts, alpha=1 - DECAY)
        sums = torch.zeros_like(self.table).index_add_(0, indices, rows)
        self.table.mul_(DECAY).add_(sums, alpha=1 - DECAY)


class Bits(nn.Module):
    """Signs of each dimension (LFQ, BSQ). The batch's entropy of LFQ is that of the joint distribution of all bits, as
    a product of two matrices of half of the bits each; that of BSQ takes bits for independent."""

    def __init__(self, kind, dim):
        super().__init__()
        self.kind, self.dim = kind, dim
        self.register_buffer("basis", 2 ** torch.arange(dim))

    def forward(self, rows):
        spherical = self.kind == "bsq"
        rows = F.normalize(rows, dim=1) if spherical else rows
        scale, temperature = (self.dim**-0.5, 1.0) if spherical else (1.0, 0.01)
        bits = rows.detach() > 0
        codes = (bits.float() * 2 - 1) * scale
        logits = rows * (4 * scale / temperature)
        each = F.binary_cross_entropy_with_logits(logits, logits.sigmoid(), reduction="none").sum(dim=1).mean()
        loss = (0 if spherical else BETA) * F.mse_loss(rows, codes) + 0.1 * (each - self.together(logits, spherical))
        return rows + (codes - rows).detach(), (bits * self.basis).sum(dim=1), loss

    def together(self, logits, independent):
        if independent:
            p = logits.sigmoid().mean(dim=0)
            return -(p * p.log() + (1 - p) * (1 - p).log()).sum()
        low, high = (self.joint(half) for half in logits.split(self.dim // 2, dim=1))
        mean = high.t() @ low / len(logits)
        return -(mean * mean.clamp(min=1e-12).log()).sum()

    @staticmethod
    def joint(logits):
        joint = torch.ones(len(logits), 1)
        for bit in logits.split(1, dim=1):
            joint = torch.cat([joint * (-bit).sigmoid(), joint * bit.sigmoid()], dim=1)
        return joint

    def learn(self, rows, indices):
        pass


class Levels(FiniteScalarQuantizer):
    """FSQ with the paper's bound, and FSP, which adds noise in training."""

    def __init__(self, kind, levels):
        super().__init__(levels)
        self.kind = kind
        self.register_buffer("count", torch.tensor(levels, dtype=torch.float32))

    def forward(self, rows):
        if self.kind == "fsp":
            return self.perturbed(rows)
        return super().forward(rows)

    def perturbed(self, rows):
        share = (1 + torch.tanh(rows)) / 2
        with torch.no_grad():
            digits = torch.minimum((share * self.count).floor(), self.count - 1).long()
            noise = (torch.rand_like(share) - 0.5) / self.count
            moved = share + noise
            noise = torch.where((moved > 0) & (moved < 1), noise, torch.zeros_like(noise))
        spread = 0.1 * rows.mean(0).square().mean() + 0.07 * (rows.var(0) - math.pi**2 / 12).square().mean()
        return (share + noise - 0.5) * 12**0.5, (digits * self.basis).sum(dim=1), spread

    def learn(self, rows, indices):
        pass


def build(kind, size, dim, block):
    if kind in ("fsq", "fsp"):
        levels = (8,) * round(math.log(size, 8))
        return Levels(kind, levels), len(levels)
    if kind in ("lfq", "bsq"):
        bits = round(math.log2(size))
        return Bits(kind, bits), bits
    return Table(kind, size, dim, block), dim


def main():
    options = arguments(kind="vq", size=262_144, vectors=8192, dim=16, block=64, repeats=3, warmup=1)
    quantizer, dim = build(options.kind, options.size, options.dim, options.block)
    rows = torch.randn(options.vectors, dim, requires_grad=True)

    def step(_):
        rows.grad = None
        quantizer.zero_grad(set_to_none=True)
        quantized, indices, loss = quantizer(rows)
        total = quantized.square().mean() + loss
        total.backward()
        quantizer.learn(rows.detach(), indices)
        return total.item()

    memory = PeakMemory()
    durations = seconds(step, options.repeats, warmup=options.warmup)
    parameters = sum(p.numel() for p in quantizer.parameters() if p.requires_grad)
    measures = {"time": [1e3 * s for s in durations], "memory": [memory.megabytes()]}
    report(measures, parameters=parameters, vectors=options.vectors)


if __name__ == "__main__":
    main()
