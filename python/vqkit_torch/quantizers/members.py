"""What quantizers that are made of other quantizers have in common."""

from torch import nn

from .base import Quantizer


def member_configs(config, count):
    """One configuration for each member: `quantizers` lists them, or all have that of `quantizer`."""
    return config.get("quantizers") or [config["quantizer"]] * count


class Composite(Quantizer):
    """Its members stand under their places, so that state is called `0/codes`, `1/codes`."""

    def __init__(self, config, members):
        super().__init__()
        self.config = config
        self.member_count = len(members)
        for i, member in enumerate(members):
            self.add_module(str(i), member)
        self.codebook_size = members[0].codebook_size
        self.num_codebooks = sum(member.num_codebooks for member in members)
        self.loss_weights = {}
        for member in reversed(members):
            self.loss_weights |= member.loss_weights
        self.latents_for_initialization = max(member.latents_for_initialization for member in members)

    @property
    def members(self) -> list[nn.Module]:
        return [getattr(self, str(i)) for i in range(self.member_count)]

    def split_indices(self, indices):
        """Indices [N, H, W, Q] as each member has them."""
        return indices.split([member.num_codebooks for member in self.members], dim=3)


def mean_losses(losses, sizes):
    """Each loss as the mean over the members that have it, every number of the latents alike."""
    found = {}
    for name in dict.fromkeys(name for each in losses for name in each):
        having = [(each[name], size) for each, size in zip(losses, sizes) if name in each]
        total = sum(size for _, size in having)
        found[name] = sum(loss * (size / total) for loss, size in having)
    return found
