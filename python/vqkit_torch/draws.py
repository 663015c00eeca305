"""What a step of training draws: noise, which codes are to be replaced, of which images the first codes alone are shown.

Every image of a batch has a generator of its own, named by the seed, the step and its place in the batch. So a training
draws the same on any number of ranks, and the same again when it is resumed.
"""

from dataclasses import dataclass

import torch

from .streams import Stream, digest


@dataclass(frozen=True)
class Draw:
    """What is drawn for: this rank's images of one part of a step's batch."""

    seed: int
    step: int  # 1 for the first of the run
    first: int  # place of the first of this rank's images in the part
    images: int  # of this rank
    of_all: int  # images of the part on all ranks
    grid: tuple  # H, W
    device: torch.device
    part: int | None = None  # of a batch in several parts; None for the whole batch of the step

    def noise(self, fill):
        """[images, ...]: what `fill(generator)` makes of each image's generator."""
        made = []
        for image in range(self.first, self.first + self.images):
            labels = digest(self.seed, "torch noise", self.step, self.part or 0, image)
            generator = torch.Generator(self.device).manual_seed(int.from_bytes(labels[:8], "little") >> 1)
            made.append(fill(generator))
        return torch.stack(made)

    def normal(self, *shape):
        return self.noise(lambda each: torch.randn(shape, generator=each, device=self.device))

    def uniform(self, *shape):
        """In [0, 1)."""
        return self.noise(lambda each: torch.rand(shape, generator=each, device=self.device))

    def stream(self):
        """vqkit's own stream of the step, for what is drawn in small numbers."""
        labels = [] if self.part is None else [self.part]
        return Stream(self.seed, "quantizer noise", self.step, *labels)


def shown_parts(draw, rate, parts):
    """1 for each part of the sum that an image is decoded from, [images, parts] (quantizer dropout, arXiv 2107.03312).

    Of a share `rate` of the images the first parts alone are shown, their number drawn evenly.
    """
    stream = draw.stream()
    rows = []
    for _ in range(draw.of_all):
        is_cut = stream.next() < rate
        first = 1 + stream.integer(parts)
        shown = first if is_cut else parts
        rows.append([1.0] * shown + [0.0] * (parts - shown))
    own = rows[draw.first : draw.first + draw.images]
    return torch.tensor(own, device=draw.device)


def shown(parts, drawn):
    """The parts [N, H, W, D] that training shows; all of them in evaluation."""
    if not drawn or "shown" not in drawn:
        return parts
    return [part * drawn["shown"][:, i, None, None, None] for i, part in enumerate(parts)]
