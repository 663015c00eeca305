"""Quantizers in plain PyTorch, forward and backward: what a careful user would write by hand.

usage: quantizers.py --kind vq|rotation|simvq|fsq [--size 65536] [--vectors 8192] [--device cpu] [--threads 2] [--repeats 5]

D = 64 (fsq: one dimension per level). The search scores 512 rows at a time, so that memory stays bounded.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from common import DeviceMemory, PeakMemory, arguments, report, seconds

CODE_DIM = 64
FSQ_LEVELS = {1000: (8, 5, 5, 5), 64000: (8, 8, 8, 5, 5, 5)}


def nearest(rows, codebook, block=512):
    """Index of the nearest code to each row: that of the largest z·e − ½‖e‖², a block of rows at a time.

    `max` and not `argmax`, which takes twice as long in PyTorch 1.13 on a CPU.
    """
    bias = -0.5 * codebook.square().sum(dim=1)
    transposed = codebook.t()
    return torch.cat([torch.addmm(bias, part, transposed).max(dim=1).indices for part in rows.split(block)])


def rotate(rows, codes):
    """Rotation trick (arXiv 2410.06424): codes by value, the gradient turned and scaled by constants."""
    with torch.no_grad():
        row_norm = rows.norm(dim=1, keepdim=True).clamp(min=1e-6)
        code_norm = codes.norm(dim=1, keepdim=True).clamp(min=1e-6)
        e, q = rows / row_norm, codes / code_norm
        r = F.normalize(e + q, dim=1)
        scale = code_norm / row_norm
    along = (rows * r).sum(dim=1, keepdim=True)
    turned = rows - 2 * along * r + 2 * (rows * e).sum(dim=1, keepdim=True) * q
    return scale * turned


class VectorQuantizer(nn.Module):
    """Straight-through or rotation VQ on a learned codebook; SimVQ when `linear`."""

    def __init__(self, size, rotation=False, linear=False):
        super().__init__()
        self.rotation = rotation
        self.table = nn.Parameter(torch.randn(size, CODE_DIM) * CODE_DIM**-0.5, requires_grad=not linear)
        self.linear = nn.Linear(CODE_DIM, CODE_DIM) if linear else None

    def forward(self, rows):
        codebook = self.table if self.linear is None else self.linear(self.table)
        with torch.no_grad():
            indices = nearest(rows, codebook)
        codes = F.embedding(indices, codebook)
        loss = F.mse_loss(codes, rows.detach()) + 0.25 * F.mse_loss(rows, codes.detach())
        quantized = rotate(rows, codes.detach()) if self.rotation else rows + (codes - rows).detach()
        return quantized, indices, loss


class FiniteScalarQuantizer(nn.Module):
    """FSQ (arXiv 2309.15505)."""

    def __init__(self, levels):
        super().__init__()
        count = torch.tensor(levels, dtype=torch.float32)
        half, offset = (count - 1) * 1.001 / 2, torch.where(count % 2 == 0, 0.5, 0.0)
        self.register_buffer("reach", half)
        self.register_buffer("offset", offset)
        self.register_buffer("shift", torch.atanh(offset / half))
        self.register_buffer("width", torch.div(count, 2, rounding_mode="floor"))
        self.register_buffer("basis", torch.tensor([math.prod(levels[:i]) for i in range(len(levels))]))

    def forward(self, rows):
        bounded = torch.tanh(rows + self.shift) * self.reach - self.offset
        rounded = bounded + (bounded.round() - bounded).detach()
        digits = (rounded.detach() + self.width).round().long()
        return rounded / self.width, (digits * self.basis).sum(dim=1), rows.new_zeros(())


def build(kind, size):
    if kind == "fsq":
        return FiniteScalarQuantizer(FSQ_LEVELS[size]), len(FSQ_LEVELS[size])
    return VectorQuantizer(size, rotation=kind == "rotation", linear=kind == "simvq"), CODE_DIM


def main():
    options = arguments(kind="vq", size=65536, vectors=8192, repeats=5)
    device_memory = DeviceMemory(options.device)
    quantizer, dim = build(options.kind, options.size)
    quantizer.to(options.device)
    rows = torch.randn(options.vectors, dim, device=options.device, requires_grad=True)

    def step(_):
        rows.grad = None
        quantizer.zero_grad(set_to_none=True)
        quantized, _, loss = quantizer(rows)
        total = quantized.square().mean() + loss
        total.backward()
        return total.item()

    memory = PeakMemory()
    durations = seconds(step, options.repeats, warmup=2)
    milliseconds = [1e3 * s for s in durations]
    parameters = sum(p.numel() for p in quantizer.parameters() if p.requires_grad)
    measures = {"time": milliseconds, "memory": [memory.megabytes()], "device-memory": [device_memory.megabytes()]}
    report(measures, options.device, parameters=parameters, vectors=options.vectors)


if __name__ == "__main__":
    main()
