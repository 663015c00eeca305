"""How the codes are used in training: of the step's batch, of the last steps, of the epoch."""

from collections import deque

import torch


class UsageMeter:
    def __init__(self, window):
        self.recent = deque(maxlen=window)
        self.epoch, self.epoch_counts = 0, None

    def add(self, counts, epoch):
        """Takes a step's counts [Q, K] in; the figures after it. epoch: that of the step's first image, 0 the first."""
        counts = counts.cpu()
        if epoch != self.epoch or self.epoch_counts is None:
            self.epoch, self.epoch_counts = epoch, torch.zeros_like(counts)
        self.epoch_counts += counts
        self.recent.append(counts)
        return {
            **figures(counts, "Batch"),
            **figures(sum(self.recent), "Window"),
            **figures(self.epoch_counts, "Epoch"),
        }

    def state(self):
        return {"recent": list(self.recent), "epoch": self.epoch, "epoch_counts": self.epoch_counts}

    def restore(self, state):
        self.recent.extend(counts.cpu() for counts in state["recent"])
        counts = state["epoch_counts"]
        self.epoch, self.epoch_counts = state["epoch"], None if counts is None else counts.cpu()


def figures(counts, name):
    """Share of the codes that were chosen, perplexity (both means over codebooks), and indices counted per codebook."""
    samples = counts.sum(1, keepdim=True)
    shares = counts.double() / samples
    perplexity = torch.special.entr(shares).sum(1).exp()
    return {
        f"usage{name}": float((counts > 0).double().mean()),
        f"perplexity{name}": float(perplexity.mean()),
        f"samples{name}": int(samples[0]),
    }
