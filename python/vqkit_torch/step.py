"""One step of training: losses, gradients, the optimizer, and what learns besides."""

import contextlib
import inspect
from typing import NamedTuple

import torch
from torch.nn.parallel import DistributedDataParallel

from . import ranks
from .draws import Draw
from .files import state_of
from .learning import Optimizer, WeightAverage, learning_rate, part_of
from .losses import all_terms

# What PyTorch calls the copying of buffers before each step: it has another name since 2.15.
BUFFERS = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")
    if name in inspect.signature(DistributedDataParallel.__init__).parameters
)
PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


class Outcome(NamedTuple):
    """What a step found before it changed the weights, over all ranks."""

    figures: dict  # as a line of metrics.jsonl has them
    counts: torch.Tensor  # how often each code was chosen, [Q, K]
    is_finite: bool  # false: nothing was changed


class TrainingStep:
    """Makes steps of a model under a run's configuration.

    The networks compute in `precision` (fp32, or autocast to bf16 or fp16); quantizer, losses, codebooks and weights are
    float32.
    """

    def __init__(self, model, config, precision="fp32"):
        self.model, self.config = model, config
        self.device = next(model.parameters()).device
        self.has_frozen_codebook = freeze(model, config)
        self.state = state_of(model)
        self.optimizer = Optimizer(self.parameters(), config)
        decay = config["weightAverageDecay"]
        self.average = None if decay is None else WeightAverage(self.state, decay)
        self.dtype = PRECISIONS[precision]
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.module = model
        if ranks.count() > 1:
            ids = [self.device] if self.device.type == "cuda" else None
            # What is no parameter is kept equal by the sums that it is made of.
            self.module = DistributedDataParallel(model, device_ids=ids, **{BUFFERS: False})

    def parameters(self):
        """Parameters by vqkit's names."""
        return {name: each for name, each in self.state.items() if isinstance(each, torch.nn.Parameter)}

    def run(self, parts, step):
        """Makes step number `step` (1 the first) from this rank's images: a list of [n, 3, H, W] in -1..1, one for each
        part of the batch. Gradients of the parts are averaged before the weights move."""
        passes, figures = self.gradients(parts, step)
        return self.update(passes, figures, step)

    def gradients(self, parts, step, drawn=None):
        """Forward and backward. drawn: what the quantizer drew for each part, where it is not to be drawn here."""
        self.optimizer.inner.zero_grad(set_to_none=True)
        passes, figures = [], []
        for i, pixels in enumerate(parts):
            given = self.drawn(pixels, step, i, len(parts)) if drawn is None else drawn[i]
            is_last = i == len(parts) - 1
            alone = contextlib.nullcontext() if is_last or self.module is self.model else self.module.no_sync()
            with alone:
                with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype is not None):
                    passed = self.module(pixels, given)
                terms, own = all_terms(self.config, self.model.quantizer, pixels, passed)
                reconstruction = sum(weight * value for value, weight in terms.values())
                total = reconstruction + sum(weight * value for value, weight in own.values())
                self.scaler.scale(total / len(parts)).backward()
            passes.append((passed.latents.detach(), passed.indices))
            figures.append(figures_of(total, reconstruction, terms | own, passed))
        self.scaler.unscale_(self.optimizer.inner)
        return passes, figures

    def update(self, passes, figures, step):
        """Moves the weights by the gradients, then the codebook by itself. Changes nothing where these are not finite."""
        norm = self.optimizer.clip()
        latents = torch.cat([each for each, _ in passes])
        indices = torch.cat([each for _, each in passes])
        found = averaged(figures)
        found["gradientNorm"] = float(norm)
        counts = count_codes(indices, self.model.quantizer)
        is_finite = all(abs(value) < float("inf") for value in found.values())
        rate = learning_rate(step, self.config)
        if is_finite:
            self.optimizer.set_rates(step)
            self.scaler.step(self.optimizer.inner)
            found |= self.learn_besides(latents, indices, step, len(passes))
        self.scaler.update()
        return Outcome({"step": step, **in_order(found, rate)}, counts, is_finite)

    def learn_besides(self, latents, indices, step, parts):
        """What learns without gradients, after the optimizer: moving averages, codes out of use, averaged weights."""
        quantizer, replacement = self.model.quantizer, None
        if not self.has_frozen_codebook:
            quantizer.update(latents, indices)
            drawn = quantizer.draw_replacement(self.draw(len(latents), latents.shape[1:3], step))
            replacement = quantizer.replace_dead_codes(latents, indices, drawn, parts)
        if self.average is not None:
            self.average.update(step)
        if replacement is None:
            return {}
        for name in replacement.names:
            self.optimizer.forget(f"quantizer/{name}", replacement.codes)
            if self.average is not None:
                self.average.forget(f"quantizer/{name}", replacement.codes)
        return {"replacedCodes": int(replacement.codes.sum())}

    def drawn(self, pixels, step, part, parts):
        """What the quantizer draws for this rank's images of a part."""
        factor = self.config["model"]["downsamplingFactor"]
        grid = pixels.shape[2] // factor, pixels.shape[3] // factor
        return self.model.quantizer.draw(self.draw(len(pixels), grid, step, None if parts == 1 else part))

    def draw(self, images, grid, step, part=None):
        first, of_all = ranks.own() * images, ranks.count() * images
        return Draw(self.config["seed"], step, first, images, of_all, tuple(grid), self.device, part)


def freeze(model, config):
    """Leaves the parts that `freeze` names as they are. Returns whether the codebook is one of them."""
    for name, tensor in state_of(model).items():
        if isinstance(tensor, torch.nn.Parameter) and part_of(name) in config["freeze"]:
            tensor.requires_grad_(False)
    return "codebook" in config["freeze"]


def figures_of(total, reconstruction, terms, passed):
    """The scalars of one part of a batch, by their names in metrics.jsonl."""
    found = {"totalLoss": total.detach(), "reconstructionLoss": reconstruction.detach()}
    for name, (value, weight) in terms.items():
        found[f"{name}Loss"] = value.detach()
        found[f"weighted{name[0].upper()}{name[1:]}Loss"] = weight * value.detach()
    error = (passed.latents - passed.quantized).detach().square().sum(-1).mean()
    return found | {"quantizationError": error}


def averaged(figures):
    """Means over the parts of a batch and over the ranks, as Python numbers."""
    values = torch.stack([torch.stack([value.float() for value in each.values()]) for each in figures]).mean(0)
    return dict(zip(figures[0], (ranks.summed(values) / ranks.count()).tolist()))


def in_order(found, rate):
    """As vqkit writes them: losses, the learning rate, what else there is."""
    losses = {name: value for name, value in found.items() if name.endswith("Loss")}
    others = {name: value for name, value in found.items() if name not in losses}
    first = {name: others.pop(name) for name in ("gradientNorm", "quantizationError")}
    return {**losses, "learningRate": rate, **first, **others}


def count_codes(indices, quantizer):
    """How often the latents of all ranks chose each code of each codebook, [Q, K]."""
    size = quantizer.codebook_size
    each = [torch.bincount(own.flatten(), minlength=size) for own in indices.unbind(-1)]
    return ranks.summed(torch.stack(each))
