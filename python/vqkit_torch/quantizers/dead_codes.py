"""Codes that latents have stopped choosing, put on latents of the batch (Jukebox, arXiv 2005.00341, section 3.1).

A code's share is a running mean of how often it is chosen over what equal use would be: u ← γu + (1−γ)·n·K/M, 1 at first.
At each step that is due, codes whose share is below the threshold become latents of the batch, and their shares 1 again.
"""

import torch

from .. import ranks


def replaces(config):
    return config.get("replaceBelow", 0) > 0


def draw(draw, config, codebook_size):
    """Whether the step is one of replacing, and which latents of the whole batch would take the codes' places."""
    due = draw.step > config["replaceAfter"] and draw.step % config["replaceEvery"] == 0
    latents = draw.of_all * draw.grid[0] * draw.grid[1]
    order = draw.stream().shuffled(range(latents)) if due else [0]
    donors = [order[code % len(order)] for code in range(codebook_size)]
    return {
        "replacement_due": torch.tensor(float(due), device=draw.device),
        "replacement_donors": torch.tensor(donors, device=draw.device),
    }


def shares_after(shares, indices, config):
    """The shares with this step's choices of all ranks counted in."""
    codes, decay = len(shares), config["replaceDecay"]
    counts = ranks.summed(torch.bincount(indices, minlength=codes).to(shares))
    latents = len(indices) * ranks.count()
    return shares * decay + counts * ((1 - decay) * codes / latents)
