"""The nearest code of each latent, and scores of latents and codes in tiles."""

import torch

SCORES_AT_A_TIME = 2**24


def nearest(latents, codes, similarity="distance"):
    """[M, D], [K, D] → [M]: the code with the smallest ‖z − e‖² or the largest z·e, the lowest index of several.

    argmin ‖z − e‖² = argmax (z·e − ½‖e‖²): one matrix product with a bias, in blocks of latents.
    """
    with torch.no_grad():
        bias, turned = score_bias(codes, similarity), codes.T
        rows = max(1, SCORES_AT_A_TIME // len(codes))
        return torch.cat([torch.addmm(bias, block, turned).argmax(1) for block in latents.split(rows)])


def score_bias(codes, similarity):
    """What is added to z·e so that the largest sum is the nearest code's, [K]."""
    if similarity == "inner-product":
        return codes.new_zeros(len(codes))
    return codes.square().sum(1) * -0.5


class Scores:
    """s = c·(z·e + b) + n of M latents and K codes, gone through in tiles of codes, so that no [M, K] exists at once.

    b = −½‖e‖² and c = 2/τ where distances decide (s = −‖z − e‖²/τ but for ‖z‖²), b = 0 and c = 1/τ where inner products do.
    n is noise, [M, K]. Without gradients.
    """

    def __init__(self, latents, codes, similarity, sharpness, noise=None):
        self.latents, self.codes, self.noise = latents, codes, noise
        self.is_distance = similarity == "distance"
        self.scale = sharpness * (2 if self.is_distance else 1)
        self.bias = score_bias(codes, similarity)
        size = max(1, SCORES_AT_A_TIME // len(latents))
        self.tiles = [slice(start, start + size) for start in range(0, len(codes), size)]

    def of(self, tile):
        """[M, codes of the tile]"""
        scores = torch.addmm(self.bias[tile], self.latents, self.codes[tile].T) * self.scale
        return scores if self.noise is None else scores + self.noise[:, tile]

    def at(self, indices):
        """s of one code for each latent, [M, 1]."""
        product = (self.codes[indices] * self.latents).sum(1, keepdim=True)
        score = (product + self.bias[indices, None]) * self.scale
        return score if self.noise is None else score + self.noise.gather(1, indices[:, None])

    def gradients(self, change_of):
        """What `change_of(tile)`, ∂L/∂s [M, tile], does to latents and codes: [M, D] and [K, D]."""
        at_latents, at_codes = torch.zeros_like(self.latents), torch.zeros_like(self.codes)
        for tile in self.tiles:
            change = change_of(tile) * self.scale
            at_latents += change @ self.codes[tile]
            at_codes[tile] = change.T @ self.latents
            if self.is_distance:  # ∂b/∂e = −e
                at_codes[tile] -= change.sum(0)[:, None] * self.codes[tile]
        return at_latents, at_codes
