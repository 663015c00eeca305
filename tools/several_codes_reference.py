"""Quantizers with several codes a position, computed from their published equations in double precision.

    python tools/several_codes_reference.py > tests/quantizers/composite/reference.json

Needs numpy and torch (2.15 wrote the file that is kept). torch differentiates and resizes; everything else is written
out below, apart from vqkit and from vector-quantize-pytorch. Gradients are of

    sum(weights * quantized) + 0.7 * codebook + 0.4 * commitment
"""

import json

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
random = np.random.default_rng(20261128)


def draw(*shape, scale=1.0):
    """Normal numbers that float32 holds exactly, so that both programs start from the same ones."""
    return torch.tensor((scale * random.standard_normal(shape)).astype(np.float32).astype(np.float64))


def nearest(rows, table):
    """Rows [M, D] and a table [K, D] to the index of the nearest code, by brute force."""
    distances = (rows[:, None, :] - table[None, :, :]).square().sum(-1)
    two = distances.topk(2, dim=1, largest=False).values
    assert (two[:, 1] - two[:, 0]).min() > 1e-4, "a tie that float32 may decide otherwise"
    return distances.argmin(1)


def lists(tensor):
    return tensor.detach().tolist()


def slopes(latents, tables, weights, output):
    loss = (weights * output["quantized"]).sum()
    loss = loss + 0.7 * output["codebook"] + 0.4 * output["commitment"]
    gradients = torch.autograd.grad(loss, [latents, *tables])
    return {"latents": lists(gradients[0]), "parameters": [lists(each) for each in gradients[1:]]}


def case(latents, tables, weights, output, **more):
    return {
        "latents": lists(latents),
        "parameters": [lists(table) for table in tables],
        "weights": lists(weights),
        "indices": output["indices"].tolist(),
        "quantized": lists(output["quantized"]),
        "codebook": output["codebook"].item(),
        "commitment": output["commitment"].item(),
        "gradients": slopes(latents, tables, weights, output),
        **more,
    }


def straight_through(latents, codes):
    return latents + (codes - latents).detach()


def residual(latents, tables):
    """SoundStream, algorithm 1: each table quantizes what the earlier ones left; losses are means over tables."""
    shape = latents.shape
    rest, total = latents, 0
    indices, codebook, commitment = [], [], []
    for table in tables:
        chosen = nearest(rest.reshape(-1, shape[-1]).detach(), table.detach())
        codes = table[chosen].reshape(shape)
        indices.append(chosen.reshape(shape[:-1]))
        codebook.append((rest.detach() - codes).square().mean())
        commitment.append((rest - codes.detach()).square().mean())
        rest = rest - codes.detach()
        total = total + codes
    return {
        "indices": torch.stack(indices, -1),
        "quantized": straight_through(latents, total),
        "codebook": torch.stack(codebook).mean(),
        "commitment": torch.stack(commitment).mean(),
    }


def grouped(latents, tables):
    """Channels in groups, a table for each; losses are means over all channels."""
    parts = latents.split([table.shape[1] for table in tables], -1)
    indices, codes = [], []
    for part, table in zip(parts, tables):
        chosen = nearest(part.reshape(-1, table.shape[1]).detach(), table.detach())
        indices.append(chosen.reshape(part.shape[:-1]))
        codes.append(table[chosen].reshape(part.shape))
    total = torch.cat(codes, -1)
    return {
        "indices": torch.stack(indices, -1),
        "quantized": straight_through(latents, total),
        "codebook": (latents.detach() - total).square().mean(),
        "commitment": (latents - total.detach()).square().mean(),
    }


def residual_fsq(latents, levels, count):
    """x = c tanh(z/c) with c = 1 + 1/(L-1); quantizer i rounds to L symmetric levels of the range L^-i."""
    levels = torch.tensor(levels)
    limit = 1 + 1 / (levels - 1)
    bounded = limit * torch.tanh(latents / limit)
    rest, total, indices = bounded.detach(), 0, []
    places = torch.cumprod(torch.cat([torch.ones(1, dtype=torch.long), levels[:-1]]), 0)
    for i in range(count):
        scale = levels.double() ** -i
        exact = (levels - 1) * ((rest / scale).clamp(-1, 1) + 1) / 2 + 0.5
        assert ((exact - exact.round()).abs() > 1e-4).all(), "a rounding that float32 may decide otherwise"
        digits = exact.floor()
        codes = scale * (digits * 2 / (levels - 1) - 1)
        indices.append((digits.long() * places).sum(-1))
        rest, total = rest - codes, total + codes
    zero = (0 * latents).sum()
    quantized = straight_through(bounded, total)
    return {"indices": torch.stack(indices, -1), "quantized": quantized, "codebook": zero, "commitment": zero}


def cases():
    shape = (2, 3, 4)
    latents = draw(*shape, 5).requires_grad_()
    tables = [draw(6, 5, scale=scale).requires_grad_() for scale in (1.0, 0.6, 0.4)]
    weights = draw(*shape, 5)
    yield "residual", case(latents, tables, weights, residual(latents, tables))

    latents = draw(*shape, 5).requires_grad_()
    tables = [draw(6, dim).requires_grad_() for dim in (2, 3)]
    yield "grouped", case(latents, tables, draw(*shape, 5), grouped(latents, tables))

    latents = draw(*shape, 3, scale=1.5).requires_grad_()
    output = residual_fsq(latents, [5, 4, 3], 3)
    yield "residualFsq", case(latents, [], draw(*shape, 3), output, levels=[5, 4, 3])


if __name__ == "__main__":
    print(json.dumps(dict(cases())))
