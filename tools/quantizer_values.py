"""What each quantizer computes, in float64, from the papers' formulas: writes tests/quantizers/values.json.

usage: python tools/quantizer_values.py    (needs PyTorch, which differentiates; the formulas are written here)

A case has a configuration, latents [M, D], the variables, and what follows: indices, quantized latents, losses; the
gradient of sum(w * quantized) at the latents and at each variable; and the gradient of each loss at both. Numbers that
a training step draws (`inputs`) are part of the case. Formulas are written the slow way: all codes in a table, all
probabilities in a matrix, one row at a time where that is clearer.
"""

import itertools
import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(16)

CASES = []


def numbers(*shape, scale=1.0):
    """Eighths, which float32 holds exactly."""
    return torch.round(torch.randn(*shape) * scale * 8) / 8


def sg(x):
    return x.detach()


def case(name, config, latents, variables, forward, inputs=None):
    """forward(z, variables, inputs) -> (indices, quantized, losses)"""
    inputs = inputs or {}
    z = latents.clone().requires_grad_()
    v = {key: value.clone().requires_grad_() for key, value in variables.items()}
    indices, quantized, losses = forward(z, v, inputs)
    weights = numbers(*quantized.shape)

    def gradients(of):
        inputs_of = [z, *v.values()]
        if not of.requires_grad:
            found = [torch.zeros_like(x) for x in inputs_of]
        else:
            found = torch.autograd.grad(of, inputs_of, retain_graph=True, allow_unused=True)
            found = [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs_of)]
        return {
            "latents": found[0].tolist(),
            "variables": {key: g.tolist() for key, g in zip(v, found[1:])},
        }

    CASES.append(
        {
            "name": name,
            "config": config,
            "latents": latents.tolist(),
            "variables": {key: value.tolist() for key, value in variables.items()},
            "inputs": {key: value.tolist() for key, value in inputs.items()},
            "weights": weights.tolist(),
            "indices": indices.tolist(),
            "quantized": quantized.tolist(),
            "quantizedGradient": gradients((weights * quantized).sum()),
            "losses": {key: {"value": loss.item(), **gradients(loss)} for key, loss in losses.items()},
        }
    )


def mean_square(x):
    return (x * x).mean()


def straight_through(z, q):
    return z + sg(q - z)


def entropy(p):
    return torch.special.entr(p).sum(-1)


def vector_losses(z, q):
    return {"commitment": mean_square(z - sg(q)), "codebook": mean_square(sg(z) - q)}


# Inner product (IBQ's search), straight-through gradient


def inner_product(z, v, _):
    indices = (z @ v["codes"].T).argmax(1)
    q = v["codes"][indices]
    return indices, straight_through(z, q), vector_losses(z, q)


case(
    "inner product",
    {"kind": "vq", "codebook": "inner-product", "codebookSize": 6, "codeDim": 3},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    inner_product,
)

# Gradient estimators: what a training step makes of noise


def chosen(z, v):
    indices = torch.cdist(z, v["codes"]).argmin(1)
    return indices, v["codes"][indices]


def length(x):
    return x.norm(dim=1, keepdim=True)


def diveq(variance):
    def forward(z, v, inputs):
        indices, q = chosen(z, v)
        noised = q - z + variance**0.5 * inputs["noise"]
        return indices, z + length(q - z) * sg(noised / length(noised)), vector_losses(z, q)

    return forward


def nsvq(z, v, inputs):
    indices, q = chosen(z, v)
    noise = inputs["noise"]
    return indices, z + length(q - z) * noise / length(noise), vector_losses(z, q)


VECTORS = {"codebookSize": 6, "codeDim": 3}
case(
    "diveq",
    {"kind": "vq", "gradient": "diveq", "noiseVariance": 0.25, **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    diveq(0.25),
    {"noise": numbers(8, 3)},
)
case(
    "nsvq",
    {"kind": "vq", "gradient": "nsvq", **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    nsvq,
    {"noise": numbers(8, 3)},
)


def soft_choice(scores, tau, lookup=lambda z: z, lookup_codes=lambda e: e):
    """The hard choice by `scores`, with the gradient of the soft one: IBQ's hard - sg(soft) + soft, times the table."""

    def forward(z, v, inputs):
        z, codes = lookup(z), lookup_codes(v["codes"])
        s = scores(z, codes)
        if "uniform" in inputs:
            s = s - torch.log(-torch.log(inputs["uniform"]))
        soft = torch.softmax(s / tau, 1)
        indices = soft.argmax(1)
        hard = torch.nn.functional.one_hot(indices, len(codes)).double()
        return indices, (hard - sg(soft) + soft) @ codes, vector_losses(z, codes[indices])

    return forward


def dots(z, e):
    return z @ e.T


def negative_distances(z, e):
    return -((z[:, None] - e) ** 2).sum(-1)


def unit(x):
    return x / length(x)


case(
    "softmax by inner product (IBQ)",
    {"kind": "vq", "codebook": "inner-product", "gradient": "softmax", **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    soft_choice(dots, 1),
)
case(
    "softmax by distance",
    {"kind": "vq", "gradient": "softmax", "softmaxTemperature": 2, **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    soft_choice(negative_distances, 2),
)
case(
    "softmax on the unit sphere",
    {"kind": "vq", "codebook": "sphere", "gradient": "softmax", "softmaxTemperature": 0.5, **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    soft_choice(negative_distances, 0.5, unit, unit),
)
UNIFORM = (torch.randint(0, 64, (8, 6)) + 0.5) / 64
case(
    "gumbel-softmax by distance",
    {"kind": "vq", "gradient": "gumbel-softmax", **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    soft_choice(negative_distances, 0.5),
    {"uniform": UNIFORM, "sharpness": torch.tensor(2.0)},
)
case(
    "gumbel-softmax by inner product",
    {"kind": "vq", "codebook": "inner-product", "gradient": "gumbel-softmax", **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    soft_choice(dots, 1),
    {"uniform": UNIFORM.flip(0), "sharpness": torch.tensor(1.0)},
)

# Losses that hold codes, or their use, apart


def regularized(scores, tau, gamma, lookup=lambda z: z):
    def forward(z, v, _):
        z, codes = lookup(z), lookup(v["codes"])
        indices = scores(z, codes).argmax(1)
        q = codes[indices]
        p = torch.softmax(scores(z, codes) / tau, 1)
        units = unit(codes)
        size = len(codes)
        return (
            indices,
            straight_through(z, q),
            {
                **vector_losses(z, q),
                "entropy": entropy(p).mean() - gamma * entropy(p.mean(0)),
                "orthogonal": ((units @ units.T - torch.eye(size)) ** 2).sum() / size**2,
            },
        )

    return forward


REGULAR = {"entropyWeight": 0.1, "orthogonalWeight": 10, "entropyTemperature": 0.5, "diversityWeight": 0.75}
for codebook, scores, lookup in (
    ("free", negative_distances, lambda z: z),
    ("inner-product", dots, lambda z: z),
    ("sphere", negative_distances, unit),
):
    case(
        f"entropy and orthogonality, {codebook}",
        {"kind": "vq", "codebook": codebook, **REGULAR, **VECTORS},
        numbers(8, 3),
        {"codes": numbers(6, 3)},
        regularized(scores, 0.5, 0.75, lookup),
    )

# Codebooks without a loss of their own


def on_sphere_by_averages(z, v, _):
    u, codes = unit(z), unit(v["sums"])
    indices = torch.cdist(u, codes).argmin(1)
    q = codes[indices]
    return indices, straight_through(u, sg(q)), {"commitment": mean_square(u - sg(q))}


case(
    "moving averages on the unit sphere",
    {"kind": "vq", "codebook": "ema-sphere", **VECTORS},
    numbers(8, 3),
    {"sums": numbers(6, 3)},
    on_sphere_by_averages,
)


def frozen(z, v, _):
    indices, q = chosen(z, v)
    return indices, straight_through(z, sg(q)), {"commitment": mean_square(z - sg(q))}


case(
    "a frozen table",
    {"kind": "vq", "codebook": "frozen", **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    frozen,
)

# Signs (LFQ)


def corners(dim):
    """All codes in order of their indices, the first dimension least significant: [2^D, D]."""
    return torch.tensor([code[::-1] for code in itertools.product([-1.0, 1.0], repeat=dim)])


def place_values(dim):
    return 2 ** torch.arange(dim)


def lookup_free(tau, gamma, groups):
    """groups: the dimensions whose joint distribution the batch's entropy has, together all."""

    def forward(z, _, __):
        dim = z.shape[1]
        bits = (z > 0).long()
        q = 2.0 * bits - 1
        p = torch.softmax(-((z[:, None] - corners(dim)) ** 2).sum(-1) / tau, 1)
        batch = 0
        for group in groups:
            part = z[:, group]
            soft = torch.softmax(-((part[:, None] - corners(len(group))) ** 2).sum(-1) / tau, 1)
            batch = batch + entropy(soft.mean(0))
        losses = {"commitment": mean_square(z - q), "entropy": entropy(p).mean() - gamma * batch}
        return (bits * place_values(dim)).sum(1), straight_through(z, q), losses

    return forward


SIGNED = numbers(7, 5)
SIGNED[2, 1] = 0  # of which the sign is -1
case(
    "lfq",
    {"kind": "lfq", "codeDim": 5, "temperature": 2, "diversityWeight": 0.75},
    SIGNED,
    {},
    lookup_free(2, 0.75, [[0, 1, 2, 3, 4]]),
)
case(
    "lfq, bits in groups",
    {"kind": "lfq", "codeDim": 5, "temperature": 1, "bitsTogether": 3},
    SIGNED,
    {},
    lookup_free(1, 1, [[0, 1, 2], [3, 4]]),
)

# Signs on the unit sphere (BSQ)


def binary_spherical(tau, gamma, groups):
    """u/sqrt(D) for codes; entropies are those of LFQ with the codes of that length."""

    def forward(z, _, __):
        dim = z.shape[1]
        u = unit(z)
        bits = (z > 0).long()
        scale = dim**-0.5
        q = scale * (2.0 * bits - 1)
        p = torch.softmax(-((u[:, None] - scale * corners(dim)) ** 2).sum(-1) / tau, 1)
        batch = 0
        for group in groups:
            part = u[:, group]
            soft = torch.softmax(-((part[:, None] - scale * corners(len(group))) ** 2).sum(-1) / tau, 1)
            batch = batch + entropy(soft.mean(0))
        losses = {"commitment": mean_square(u - q), "entropy": entropy(p).mean() - gamma * batch}
        return (bits * place_values(dim)).sum(1), straight_through(u, q), losses

    return forward


case(
    "bsq",
    {"kind": "bsq", "codeDim": 5, "temperature": 0.5, "diversityWeight": 0.75},
    SIGNED,
    {},
    binary_spherical(0.5, 0.75, [[0], [1], [2], [3], [4]]),
)
case(
    "bsq, all bits together",
    {"kind": "bsq", "codeDim": 4, "bitsTogether": 4},
    numbers(6, 4),
    {},
    binary_spherical(1, 1, [[0, 1, 2, 3]]),
)

# Grids of scalars


def mixed(digits, levels):
    place = torch.tensor([1, *levels[:-1]]).cumprod(0)
    return (digits.long() * place).sum(1)


def symmetric(levels, squash):
    steps = torch.tensor(levels) - 1.0

    def forward(z, _, inputs):
        b = squash(z)
        digits = torch.floor(steps * (b + 1) / 2 + 0.5)
        code = 2 / steps * digits - 1
        value = code
        if inputs:
            value = torch.where(inputs["isNoisy"].reshape(z.shape) > 0, b + 2 / steps * inputs["noise"].reshape(z.shape), code)
        return mixed(digits, levels), straight_through(b, value), {}

    return forward


def choices(*shape):
    return torch.randint(0, 2, shape).double()


GRID = [5, 2, 8]
case(
    "fsq, symmetric",
    {"kind": "fsq", "levels": GRID, "bound": "symmetric"},
    numbers(9, 3),
    {},
    symmetric(GRID, torch.tanh),
)
ODD = [5, 3, 9]
case(
    "fsq by a sigmoid (iFSQ)",
    {"kind": "fsq", "levels": ODD, "bound": "sigmoid"},
    numbers(9, 3),
    {},
    symmetric(ODD, lambda z: 2 * torch.sigmoid(1.6 * z) - 1),
)
case(
    "fsq, symmetric, with noise in the place of rounding",
    {"kind": "fsq", "levels": GRID, "bound": "symmetric", "noiseDropout": 0.5},
    numbers(9, 3),
    {},
    symmetric(GRID, torch.tanh),
    {"noise": (torch.randint(-8, 8, (1, 1, 9, 3)) + 0.5) / 16, "isNoisy": choices(1, 1, 9, 3)},
)


def perturbed(levels):
    counts = torch.tensor(levels).double()

    def forward(z, _, inputs):
        p = (1 + torch.tanh(z)) / 2
        digits = torch.floor(p * counts)
        share = p + sg((digits + 0.5) / counts - p)
        if inputs:
            moved = p + inputs["noise"].reshape(z.shape) / counts
            noisy = torch.where((moved > 0) & (moved < 1), moved, p)
            share = torch.where(inputs["isRounded"].reshape(z.shape) > 0, share, noisy)
        variance = z.var(0, unbiased=True)
        spread = 0.1 * mean_square(z.mean(0)) + 0.07 * mean_square(variance - torch.pi**2 / 12)
        return mixed(digits, levels), (share - 0.5) * 12**0.5, {"spread": spread}

    return forward


case(
    "fsp in evaluation",
    {"kind": "fsp", "levels": [4, 7, 2]},
    numbers(9, 3),
    {},
    perturbed([4, 7, 2]),
)
case(
    "fsp in training",
    {"kind": "fsp", "levels": [4, 7, 2], "quantizeRate": 0.5},
    numbers(9, 3, scale=1.5),
    {},
    perturbed([4, 7, 2]),
    {"noise": (torch.randint(-8, 8, (1, 1, 9, 3)) + 0.5) / 16, "isRounded": choices(1, 1, 9, 3)},
)

# VQBridge: the table plus what a transformer over all of it recovers


def bridged(group, depth, heads):
    def dense(v, name, x):
        return x @ v[f"{name}/kernel"] + v[f"{name}/bias"]

    def norm(v, name, x):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], v[f"{name}/scale"], v[f"{name}/shift"])

    def codes(v):
        table = v["table"]
        size, dim = table.shape
        tokens = -(-size // group)
        rows = torch.cat([table, torch.zeros(tokens * group - size, dim)])
        x = dense(v, "compress", torch.stack([rows[i * group : (i + 1) * group].flatten() for i in range(tokens)]))
        for i in range(depth):
            y = norm(v, f"block{i}/norm1", x)
            parts = [dense(v, f"block{i}/{name}", y).chunk(heads, dim=1) for name in ("queries", "keys", "values")]
            mixed = [torch.nn.functional.scaled_dot_product_attention(*head) for head in zip(*parts)]
            x = x + dense(v, f"block{i}/attended", torch.cat(mixed, dim=1))
            inner = torch.nn.functional.gelu(dense(v, f"block{i}/inner", norm(v, f"block{i}/norm2", x)))
            x = x + dense(v, f"block{i}/outer", inner)
        return table + dense(v, "recover", norm(v, "norm", x)).reshape(-1, dim)[:size]

    def forward(z, v, _):
        e = codes(v)
        indices = torch.cdist(z, e).argmin(1)
        q = e[indices]
        return indices, straight_through(z, sg(q)), vector_losses(z, q)

    return forward


def bridge_weights(rows, width, depth):
    shapes = {}
    for name, a, b in [
        ("compress", rows, width),
        *[
            (f"block{i}/{name}", a, b)
            for i in range(depth)
            for name, a, b in [
                *[(each, width, width) for each in ("queries", "keys", "values", "attended")],
                ("inner", width, 4 * width),
                ("outer", 4 * width, width),
            ]
        ],
        ("recover", width, rows),
    ]:
        shapes[f"{name}/kernel"], shapes[f"{name}/bias"] = numbers(a, b, scale=0.5), numbers(b, scale=0.5)
    for name in [*[f"block{i}/norm{j}" for i in range(depth) for j in (1, 2)], "norm"]:
        shapes[f"{name}/scale"], shapes[f"{name}/shift"] = 1 + numbers(width, scale=0.3), numbers(width, scale=0.3)
    return shapes


case(
    "a bridge",
    {
        **{"kind": "vq", "codebook": "bridge", "codebookSize": 5, "codeDim": 3},
        **{"bridgeGroup": 2, "bridgeWidth": 4, "bridgeDepth": 2, "bridgeHeads": 2},
    },
    numbers(8, 3),
    {"table": numbers(5, 3), **bridge_weights(6, 4, 2)},
    bridged(2, 2, 2),
)


class Heun(torch.autograd.Function):
    """ReinMax (2304.08612, algorithm 2) as its gradient: 2 J(p1)a - J(p0)a / 2, with p1 = (D + softmax(theta / tau)) / 2."""

    @staticmethod
    def forward(ctx, theta, drawn, tau):
        ctx.save_for_backward(torch.softmax(theta, 1), (drawn + torch.softmax(theta / tau, 1)) / 2)
        return drawn.clone()

    @staticmethod
    def backward(ctx, a):
        p0, p1 = ctx.saved_tensors
        slope = lambda p: p * (a - (p * a).sum(1, keepdim=True))
        return 2 * slope(p1) - slope(p0) / 2, None, None


def reinmax(scores, tau):
    def forward(z, v, inputs):
        codes = v["codes"]
        theta = scores(z, codes)
        noisy = theta - torch.log(-torch.log(inputs["uniform"])) if "uniform" in inputs else theta
        indices = noisy.argmax(1)
        drawn = torch.nn.functional.one_hot(indices, len(codes)).double()
        return indices, Heun.apply(theta, drawn, tau) @ codes, vector_losses(z, codes[indices])

    return forward


case(
    "reinmax by distance, a drawn code",
    {"kind": "vq", "gradient": "reinmax", "reinmaxTemperature": 1.5, **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    reinmax(negative_distances, 1.5),
    {"uniform": UNIFORM.flip(1)},
)
case(
    "reinmax by inner product, evaluated",
    {"kind": "vq", "codebook": "inner-product", "gradient": "reinmax", **VECTORS},
    numbers(8, 3),
    {"codes": numbers(6, 3)},
    reinmax(dots, 1),
)

if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent.parent / "tests" / "quantizers"
    lines = ",\n".join(json.dumps(each) for each in CASES)
    (folder / "values.json").write_text(f"[\n{lines}\n]\n")
