"""VQGAN (arXiv 2012.09841) in PyTorch, with the layers of vqkit's preset "vqgan", by hand and as diffusers' VQModel.

Downsampling factor 16, widths W·[1, 1, 2, 2, 4], two residual blocks a stage (three in the decoder), attention in the last
stage and in the middle, group norm of 32 groups and SiLU, 256 latent channels, 1×1 convolutions to the codebook's D and
back.
"""

import torch
from torch import nn
from torch.nn import functional as F

MULTIPLIERS = [1, 1, 2, 2, 4]
BLOCKS = 2
LATENT_CHANNELS = 256


def norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = nn.Sequential(
            norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1),
            norm(outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1),
        )  # fmt: skip
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.shortcut(x) + self.body(x)


class Attention(nn.Module):
    """One head, in PyTorch's own kernel."""

    def __init__(self, channels):
        super().__init__()
        self.norm = norm(channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        rows = self.project(self.norm(x)).permute(0, 2, 3, 1).reshape(n, 1, h * w, 3 * c)
        mixed = F.scaled_dot_product_attention(*rows.chunk(3, dim=-1))
        return x + self.out(mixed.view(n, h, w, c).permute(0, 3, 1, 2))


class Downsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


def stage(inputs, outputs, blocks, has_attention):
    layers = []
    for index in range(blocks):
        layers.append(ResidualBlock(outputs if index else inputs, outputs))
        layers += [Attention(outputs)] if has_attention else []
    return layers


def middle(channels):
    return [ResidualBlock(channels, channels), Attention(channels), ResidualBlock(channels, channels)]


class Vqgan(nn.Module):
    def __init__(self, width, code_dim=64, codebook_size=1024):
        super().__init__()
        widths = [width * multiplier for multiplier in MULTIPLIERS]
        last = len(widths) - 1
        layers = [nn.Conv2d(3, width, 3, padding=1)]
        for index, outputs in enumerate(widths):
            layers += stage(widths[max(0, index - 1)], outputs, BLOCKS, index == last)
            layers += [Downsample(outputs)] if index < last else []
        layers += [*middle(widths[-1]), norm(widths[-1]), nn.SiLU()]
        layers += [nn.Conv2d(widths[-1], LATENT_CHANNELS, 3, padding=1), nn.Conv2d(LATENT_CHANNELS, code_dim, 1)]
        self.encoder = nn.Sequential(*layers)
        self.codebook = nn.Parameter(torch.randn(codebook_size, code_dim) * code_dim**-0.5)
        layers = [nn.Conv2d(code_dim, LATENT_CHANNELS, 1), nn.Conv2d(LATENT_CHANNELS, widths[-1], 3, padding=1)]
        layers += middle(widths[-1])
        for index in range(last, -1, -1):
            layers += stage(widths[min(last, index + 1)], widths[index], BLOCKS + 1, index == last)
            layers += [Upsample(widths[index])] if index > 0 else []
        layers += [norm(width), nn.SiLU(), nn.Conv2d(width, 3, 3, padding=1)]
        self.decoder = nn.Sequential(*layers)


class DiffusersVqgan(nn.Module):
    """The same as a user of diffusers has it: VQModel with its own blocks; the codebook stands beside it."""

    def __init__(self, width, code_dim=64, codebook_size=1024):
        super().__init__()
        from diffusers import VQModel

        stages = len(MULTIPLIERS)
        model = VQModel(
            down_block_types=["DownEncoderBlock2D"] * (stages - 1) + ["AttnDownEncoderBlock2D"],
            up_block_types=["AttnUpDecoderBlock2D"] + ["UpDecoderBlock2D"] * (stages - 1),
            block_out_channels=[width * multiplier for multiplier in MULTIPLIERS],
            layers_per_block=BLOCKS,
            latent_channels=LATENT_CHANNELS,
            num_vq_embeddings=codebook_size,
            vq_embed_dim=code_dim,
        )
        self.encoder = nn.Sequential(model.encoder, model.quant_conv)
        self.decoder = nn.Sequential(model.post_quant_conv, model.decoder)
        self.codebook = nn.Parameter(torch.randn(codebook_size, code_dim) * code_dim**-0.5)
