"""Losses that hold a codebook's use or its codes apart.

entropy: E[H(p)] − γ·H(E[p]) with p the softmax of −‖z − e‖²/τ (of z·e/τ where inner products decide) over all codes: each
latent near one code, all together near all (arXiv 1911.05894). E[p] is over the batches of all ranks.
orthogonal: ‖ÊÊᵀ − 1‖²/K², Ê the codes at length 1 (arXiv 2112.00384); ‖ÊÊᵀ‖ = ‖ÊᵀÊ‖, so no K×K matrix is made.
"""

import torch

from .. import ranks
from .base import unit_rows
from .search import Scores

LEAST = 1e-12  # of a probability in a logarithm


def losses(config, latents, codes, similarity):
    """Those that have a weight."""
    found = {}
    if config.get("entropyWeight", 0) > 0:
        options = similarity, 1 / config["entropyTemperature"], config["diversityWeight"]
        found["entropy"] = _ChoiceEntropy.apply(latents, codes, *options)
    if config.get("orthogonalWeight", 0) > 0:
        found["orthogonal"] = orthogonal(codes)
    return found


def weights(config):
    names = {"entropy": "entropyWeight", "orthogonal": "orthogonalWeight"}
    return {name: config[option] for name, option in names.items() if config.get(option, 0) > 0}


def orthogonal(codes):
    units = unit_rows(codes)
    return (units.T @ units).square().sum() / len(codes) ** 2 - 1 / len(codes)


class _ChoiceEntropy(torch.autograd.Function):
    """∂L/∂s = p ∘ (−ln p + γ·ln p̄ − c)/M with c = H + γ·Σ p ln p̄, tile by tile."""

    @staticmethod
    def forward(ctx, latents, codes, similarity, sharpness, diversity):
        scores = Scores(latents, codes, similarity, sharpness)
        normalizer = torch.full_like(latents[:, :1], -torch.inf)  # ln Σ exp s, [M, 1]
        for tile in scores.tiles:
            own = scores.of(tile).logsumexp(1, keepdim=True)
            normalizer = torch.logaddexp(normalizer, own)
        entropies = torch.zeros_like(normalizer)  # H of each latent
        means = torch.empty_like(codes[:, 0])  # p̄
        for tile in scores.tiles:
            logarithms = scores.of(tile) - normalizer
            probabilities = logarithms.exp()
            entropies -= (probabilities * logarithms).sum(1, keepdim=True)
            means[tile] = probabilities.mean(0)
        means = ranks.averaged(means)
        log_means = means.clamp_min(LEAST).log()
        cross = torch.zeros_like(normalizer)  # Σ p ln p̄
        for tile in scores.tiles:
            cross += (scores.of(tile) - normalizer).exp() @ log_means[tile, None]
        ctx.save_for_backward(latents, codes, normalizer, entropies + diversity * cross, log_means)
        ctx.options = similarity, sharpness, diversity
        return entropies.mean() + diversity * (means * log_means).sum()

    @staticmethod
    def backward(ctx, g):
        latents, codes, normalizer, c, log_means = ctx.saved_tensors
        similarity, sharpness, diversity = ctx.options
        scores = Scores(latents, codes, similarity, sharpness)

        def change(tile):
            logarithms = scores.of(tile) - normalizer
            return logarithms.exp() * (diversity * log_means[tile] - c - logarithms) * (g / len(latents))

        return *scores.gradients(change), None, None, None
