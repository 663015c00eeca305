"""How weights learn: the schedule of the learning rate, Adam, clipping, the running average of the weights."""

import math

import torch

PARTS = {"encoder": ("encoder/", "projection/in/"), "decoder": ("decoder/", "projection/out/")}


def part_of(name):
    """The part of the model that a weight belongs to, by vqkit's name."""
    return next((part for part, prefixes in PARTS.items() if name.startswith(prefixes)), "codebook")


def learning_rate(step, config):
    """Of one step, 1 the first: a linear rise over `warmupSteps`, then constant, linear or cosine until `steps`."""
    peak, warmup, final = config["learningRate"], config["warmupSteps"], config["finalLearningRateFraction"]
    if step <= warmup:
        return peak * step / warmup
    progress = min(1, (step - warmup) / max(1, config["steps"] - warmup))
    if config["schedule"] == "linear":
        return peak * (1 - (1 - final) * progress)
    if config["schedule"] == "cosine":
        return peak * (final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2)
    return peak


class Optimizer:
    """PyTorch's Adam or AdamW over a model's parameters; convolution kernels alone decay."""

    def __init__(self, named, config):
        """named: parameters by vqkit's names"""
        self.config = config
        self.named = {name: each for name, each in named.items() if each.requires_grad}
        groups = {}
        for name, parameter in self.named.items():
            factor = config["partLearningRates"].get(part_of(name), config["learningRate"]) / config["learningRate"]
            groups.setdefault((factor, parameter.ndim == 4), []).append(parameter)
        options = config["optimizer"]
        kind = torch.optim.Adam if options["kind"] == "adam" else torch.optim.AdamW
        self.factors = [factor for factor, _ in groups]
        decays = [options["weightDecay"] if is_decayed else 0.0 for _, is_decayed in groups]
        self.inner = kind(
            [{"params": params, "weight_decay": decay} for params, decay in zip(groups.values(), decays)],
            lr=config["learningRate"],
            betas=(options["beta1"], options["beta2"]),
            eps=options["epsilon"],
        )

    def clip(self):
        """Scales the gradients so that their global norm is at most `gradientClip`. Returns what it was before."""
        gradients = [each.grad for each in self.named.values() if each.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack([gradient.norm() for gradient in gradients]))
        limit = self.config["gradientClip"]
        if limit is not None:
            factor = limit / norm.clamp_min(limit)  # exactly 1 when the norm is within the limit
            for gradient in gradients:
                gradient.mul_(factor)
        return norm

    def set_rates(self, step):
        """The learning rates of one step, 1 the first."""
        for group, factor in zip(self.inner.param_groups, self.factors):
            group["lr"] = learning_rate(step, self.config) * factor

    def forget(self, name, rows):
        """Moments of rows [K] become 0: those of codes that were replaced."""
        for key in ("exp_avg", "exp_avg_sq"):
            state = self.inner.state.get(self.named.get(name), {})
            if key in state:
                state[key][rows] = 0


class WeightAverage:
    """A running average of all weights, a ← a + (1 − d)(θ − a) with d = min(decay, (1 + t)/(10 + t)) at step t."""

    def __init__(self, named, decay):
        self.named, self.decay = named, decay
        self.values = {name: tensor.detach().clone() for name, tensor in named.items()}

    @torch.no_grad()
    def update(self, step):
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, value in self.values.items():
            value.add_((self.named[name] - value) * share)

    @torch.no_grad()
    def forget(self, name, rows):
        """Rows of codes that were replaced become what they are now."""
        self.values[name][rows] = self.named[name][rows]
