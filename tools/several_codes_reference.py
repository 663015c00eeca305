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


def phi_of_scale(scales, count):
    """VAR's PhiPartiallyShared: the tick nearest to the scale's place in 0..1."""
    margin = 1 / 3 / count if count == 4 else 1 / 2 / count
    ticks = np.linspace(margin, 1 - margin, count)
    return [int(np.argmin(np.abs(ticks - i / (scales - 1)))) for i in range(scales)]


def multi_scale(latents, table, phis, scales, ratio):
    """VAR, algorithms 1 and 2 and the losses of its code: area down, nearest code, bicubic up, phi, subtract."""
    z = latents.permute(0, 3, 1, 2)
    side = z.shape[-1]
    rest, total = z.detach(), 0
    indices, codebook, commitment = [], [], []
    chosen_phi = phi_of_scale(len(scales), len(phis)) if phis else []
    for place, scale in enumerate(scales):
        small = F.interpolate(rest, size=(scale, scale), mode="area")
        rows = small.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
        chosen = nearest(rows, table.detach())
        indices.append(chosen.reshape(len(z), -1))
        codes = table[chosen].reshape(len(z), scale, scale, -1).permute(0, 3, 1, 2)
        grown = F.interpolate(codes, size=(side, side), mode="bicubic") if scale != side else codes
        added = grown
        if phis:
            kernel, bias = phis[chosen_phi[place]]
            # The kernel is kept as patches times D: rows, columns and input channels in this order.
            weight = kernel.reshape(3, 3, z.shape[1], z.shape[1]).permute(3, 2, 0, 1)
            added = (1 - ratio) * grown + ratio * F.conv2d(grown, weight, bias, padding=1)
        total = total + added
        rest = rest - added.detach()
        codebook.append((total - z.detach()).square().mean())
        commitment.append((z - total.detach()).square().mean())
    quantized = straight_through(z, total).permute(0, 2, 3, 1)
    return {
        "indices": torch.cat(indices, 1)[:, None, :, None],
        "quantized": quantized,
        "codebook": torch.stack(codebook).mean(),
        "commitment": torch.stack(commitment).mean(),
    }


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

    shape, dim, scales = (2, 5, 5), 4, [1, 2, 3, 5]
    latents = draw(*shape, dim).requires_grad_()
    table = draw(8, dim).requires_grad_()
    phis = [(draw(9 * dim, dim, scale=0.2).requires_grad_(), draw(dim, scale=0.1).requires_grad_()) for _ in range(2)]
    output = multi_scale(latents, table, phis, scales, 0.3)
    parameters = [table, *(each for phi in phis for each in phi)]
    yield "multiScale", case(latents, parameters, draw(*shape, dim), output)

    latents = draw(*shape, dim).requires_grad_()
    table = draw(8, dim).requires_grad_()
    output = multi_scale(latents, table, [], [1, 5], 0)
    yield "multiScalePlain", case(latents, [table], draw(*shape, dim), output)

    yield "phis", [[scales, count, phi_of_scale(scales, count)] for scales in (2, 3, 5, 10) for count in (1, 2, 3, 4, 10) if count <= scales]


if __name__ == "__main__":
    print(json.dumps(dict(cases())))
