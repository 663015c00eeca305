"""How the gradient at the chosen codes reaches the latents that they stand for, and the codes.

An estimator is called with latents and codes [M, D] and a `Choice`, and returns the codes by value (or, in training,
something near them). `make(config)` is the one that a configuration names.
"""

from typing import NamedTuple

import torch

from .base import ReplaceGradient, straight_through, unit_rows
from .search import Scores, nearest, score_bias


class Choice(NamedTuple):
    """What else of a step an estimator may need."""

    table: torch.Tensor  # [K, D], with a gradient
    indices: torch.Tensor  # [M]
    similarity: str
    drawn: dict | None  # what the step drew; None in evaluation


NOTHING_ELSE = Choice(None, None, "distance", None)  # of the sum of several codes, which has no table


def make(config):
    return ESTIMATORS[config["gradient"]](config)


class Estimator:
    """Straight-through, and what the others have in common with it: they choose the nearest code and draw nothing."""

    teaches_codes = False
    needs_table = False  # whether it looks at all codes

    def __init__(self, config):
        self.config = config

    def draw(self, draw, codebook_size, code_dim):
        return {}

    def choose(self, latents, table, similarity, drawn):
        return nearest(latents, table, similarity)

    def __call__(self, latents, codes, choice):
        return straight_through(latents, codes)


# The rotation trick, arXiv 2410.06424. For latent e and code q of one row: ê = e/‖e‖, q̂ = q/‖q‖, λ = ‖q‖/‖e‖.

NORM_GUARD = 1e-6
SHORTEST_AXIS = 1e-3  # below it the direction of ê ± q̂ is rounding: such rows fall back to straight-through


def _frame(e, q, sign):
    """ê, q̂, the direction of ê ± q̂, λ, and where all that is defined; each [M, D] or [M, 1]."""
    e_norm, q_norm = e.norm(dim=1, keepdim=True), q.norm(dim=1, keepdim=True)
    start, end = e / e_norm.clamp_min(NORM_GUARD), q / q_norm.clamp_min(NORM_GUARD)
    between = start + sign * end
    length = between.norm(dim=1, keepdim=True)
    usable = (length > SHORTEST_AXIS) & (e_norm > NORM_GUARD)
    scale = torch.where(usable, q_norm / e_norm.clamp_min(NORM_GUARD), 1.0)
    return start, end, between / length.clamp_min(SHORTEST_AXIS), scale, usable.to(e.dtype)


def _dot(a, b):
    return (a * b).sum(1, keepdim=True)


class Rotation(Estimator):
    """Back through the rotation and rescaling that carry the latent to its code: λ(g − 2r(r·g) + 2ê(q̂·g)).

    `radialGradient` false drops what points along the latent, as in the paper's released VQGAN files.
    """

    def __call__(self, latents, codes, choice):
        e, q = latents.detach(), codes.detach()

        def backward(g):
            start, end, axis, scale, usable = _frame(e, q, 1)
            turned = scale * (g + 2 * usable * (start * _dot(end, g) - axis * _dot(axis, g)))
            if self.config["radialGradient"]:
                return turned
            return turned - usable * start * _dot(start, turned)

        return ReplaceGradient.apply(latents, q, backward)


class Reflection(Estimator):
    """The same by one reflection, along w = (ê − q̂)/‖ê − q̂‖: λ(g − 2w(w·g))."""

    def __call__(self, latents, codes, choice):
        e, q = latents.detach(), codes.detach()

        def backward(g):
            _, _, axis, scale, usable = _frame(e, q, -1)
            return scale * (g - 2 * usable * axis * _dot(axis, g))

        return ReplaceGradient.apply(latents, q, backward)


# A vector as long as the error in a direction d that is held fixed: z + ‖q − z‖·sg[d]. With e = (q − z)/‖q − z‖ the
# gradient g gives e(d·g) to the code and g − e(d·g) to the latent.


class _Substitution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, latents, codes, direction, value):
        ctx.save_for_backward(latents, codes, direction)
        return value.clone()

    @staticmethod
    def backward(ctx, g):
        latents, codes, direction = ctx.saved_tensors
        at_code = unit_rows(codes - latents) * _dot(direction, g)
        return g - at_code, at_code, None, None


class ErrorDirection(Estimator):
    """DiVeQ without noise (arXiv 2509.26469): d is the error's own direction, and the value is the code."""

    teaches_codes = True

    def __call__(self, latents, codes, choice):
        drawn = choice.drawn
        error = (codes - latents).detach()
        direction = self.direction(error, drawn) if drawn and "noise" in drawn else None
        if direction is None:
            return _Substitution.apply(latents, codes, unit_rows(error), codes.detach())
        value = latents.detach() + error.norm(dim=1, keepdim=True) * direction
        return _Substitution.apply(latents, codes, direction, value)

    def direction(self, error, drawn):
        return None


class Diveq(ErrorDirection):
    """DiVeQ: in training towards the code but for noise of the variance `noiseVariance`."""

    def draw(self, draw, codebook_size, code_dim):
        return {"noise": draw.normal(draw.grid[0] * draw.grid[1], code_dim).flatten(0, 1)}

    def direction(self, error, drawn):
        return unit_rows(error + drawn["noise"] * self.config["noiseVariance"] ** 0.5)


class Nsvq(Diveq):
    """NSVQ (doi 10.1109/ACCESS.2022.3147670): in training the direction is noise alone."""

    def direction(self, error, drawn):
        return unit_rows(drawn["noise"])


# The hard choice with the gradient of a soft one among all codes: with P = softmax(s) and a = g·e, ∂L/∂s = P ∘ (a − Σ P a),
# which reaches latents and all codes; the chosen code has g besides.


class _ThroughAllCodes(torch.autograd.Function):
    @staticmethod
    def forward(ctx, latents, table, codes, indices, similarity, sharpness, noise):
        ctx.save_for_backward(latents, table, indices, noise)
        ctx.similarity, ctx.sharpness = similarity, sharpness
        return codes.clone()

    @staticmethod
    def backward(ctx, g):
        latents, table, indices, noise = ctx.saved_tensors
        scores = Scores(latents, table, ctx.similarity, ctx.sharpness, noise)
        chosen = scores.at(indices)
        total, mixed = torch.zeros_like(chosen), torch.zeros_like(g)
        for tile in scores.tiles:
            weights = (scores.of(tile) - chosen).exp()
            total += weights.sum(1, keepdim=True)
            mixed += weights @ table[tile]
        mean = _dot(mixed, g) / total  # Σ P a
        normalizer = chosen + total.log()

        def change(tile):
            return (scores.of(tile) - normalizer).exp() * (g @ table[tile].T - mean)

        at_latents, at_table = scores.gradients(change)
        at_table.index_add_(0, indices, g)
        return at_latents, at_table, None, None, None, None, None


class Softmax(Estimator):
    """Index backpropagation (IBQ, arXiv 2412.02692): the gradient of a softmax over all codes, of `softmaxTemperature`."""

    teaches_codes = True
    needs_table = True

    def __call__(self, latents, codes, choice):
        sharpness = 1 / self.config["softmaxTemperature"]
        return _through(latents, codes, choice, sharpness, None)


class GumbelSoftmax(Estimator):
    """In training codes are drawn by their scores, and the gradient is that of the soft draw (arXiv 1611.01144).

    The temperature falls from `gumbelStart` to `gumbelEnd` by equal factors over `gumbelSteps` steps.
    """

    teaches_codes = True
    needs_table = True

    def draw(self, draw, codebook_size, code_dim):
        start, end, steps = (self.config[name] for name in ("gumbelStart", "gumbelEnd", "gumbelSteps"))
        uniform = draw.uniform(draw.grid[0] * draw.grid[1], codebook_size).flatten(0, 1)
        temperature = start * (end / start) ** min(1, draw.step / steps)
        return {
            "uniform": (uniform + 2**-33).clamp_max(1 - 2**-24),
            "sharpness": torch.tensor(1 / temperature, device=draw.device),
        }

    def choose(self, latents, table, similarity, drawn):
        if not drawn or "uniform" not in drawn:
            return super().choose(latents, table, similarity, drawn)
        with torch.no_grad():
            scores = latents @ table.T + score_bias(table, similarity)
            return (scores * (2 if similarity == "distance" else 1) + _gumbel(drawn["uniform"])).argmax(1)

    def __call__(self, latents, codes, choice):
        drawn = choice.drawn
        if not drawn or "uniform" not in drawn:
            return _through(latents, codes, choice, 1 / self.config["gumbelEnd"], None)
        sharpness = drawn["sharpness"]
        return _through(latents, codes, choice, sharpness, _gumbel(drawn["uniform"]) * sharpness)


def _gumbel(uniform):
    return -(-uniform.log()).log()


def _through(latents, codes, choice, sharpness, noise):
    table, indices, similarity, _ = choice
    return _ThroughAllCodes.apply(latents, table, codes.detach(), indices, similarity, sharpness, noise)


ESTIMATORS = {
    "straight-through": Estimator,
    "rotation": Rotation,
    "reflection": Reflection,
    "diveq-detach": ErrorDirection,
    "diveq": Diveq,
    "nsvq": Nsvq,
    "softmax": Softmax,
    "gumbel-softmax": GumbelSoftmax,
}
