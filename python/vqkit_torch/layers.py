"""The layers of an autoencoder. Images are [N, C, H, W]; `codes` are those that a decoder decodes, [N, D, h, w]."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {"relu": F.relu, "silu": F.silu}


class Chain(nn.Sequential):
    """Layers one after another, each by its name in vqkit's files."""

    def __init__(self, layers):
        super().__init__(OrderedDict(layers))

    def forward(self, x, codes=None):
        for layer in self:
            x = layer(x, codes)
        return x


class GroupNorm(nn.GroupNorm):
    """Zero mean and unit variance over each image's group of channels, then a scale and an offset per channel."""

    def __init__(self, channels, groups, epsilon, affine=True):
        super().__init__(groups, channels, eps=epsilon, affine=affine)

    def forward(self, x, codes=None):
        return super().forward(x)


class SpatialNorm(GroupNorm):
    """A group norm times one 1×1 convolution of the codes plus another (MoVQ, arXiv 2209.09002)."""

    def __init__(self, channels, groups, epsilon, code_dim):
        super().__init__(channels, groups, epsilon)
        self.factor = nn.Conv2d(code_dim, channels, 1)
        self.shift = nn.Conv2d(code_dim, channels, 1)

    def forward(self, x, codes=None):
        def enlarged(grid):
            return F.interpolate(grid, size=x.shape[2:], mode="nearest")

        return super().forward(x) * enlarged(self.factor(codes)) + enlarged(self.shift(codes))


class AdaptiveNorm(GroupNorm):
    """A group norm whose scale is linear in the deviation of each image's codes, and whose offset is linear in their mean
    (Open-MAGVIT2, arXiv 2409.04410)."""

    def __init__(self, channels, groups, epsilon, code_dim):
        super().__init__(channels, groups, epsilon, affine=False)
        self.factor = nn.Conv2d(code_dim, channels, 1)
        self.shift = nn.Conv2d(code_dim, channels, 1)

    def forward(self, x, codes=None):
        rows = codes.flatten(2)  # [N, D, P]
        mean = rows.mean(2, keepdim=True)
        squares = (rows - mean).square().sum(2, keepdim=True)
        deviation = (squares / max(1, rows.shape[2] - 1) + self.eps).sqrt()
        return super().forward(x) * self.factor(deviation[..., None]) + self.shift(mean[..., None])


class Convolution(nn.Conv2d):
    """A convolution, behind a norm and an activation where there are some."""

    def __init__(self, inputs, outputs, kernel=3, stride=1, bias=True, norm=None, activation=None):
        super().__init__(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2, bias=bias)
        self.norm = norm
        self.activation = activation

    def forward(self, x, codes=None):
        if self.norm is not None:
            x = self.norm(x, codes)
        if self.activation is not None:
            x = ACTIVATIONS[self.activation](x)
        return self.convolved(x)

    def convolved(self, x):
        return super().forward(x)


class PaddedHalving(Convolution):
    """3×3 of stride 2 after zeros below and to the right (VQGAN)."""

    def convolved(self, x):
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias, stride=2)


class AverageHalving(nn.Module):
    """The mean of 2×2, without weights (MaskGIT)."""

    def forward(self, x, codes=None):
        return F.avg_pool2d(x, 2)


class NearestDoubling(Convolution):
    """Each position four times, then a 3×3 convolution."""

    def convolved(self, x):
        return super().convolved(F.interpolate(x, scale_factor=2, mode="nearest"))


class DepthToSpace(Convolution):
    """A 3×3 convolution to four times the channels, which become 2×2 positions, block-major (Open-MAGVIT2)."""

    def __init__(self, inputs, outputs, **options):
        super().__init__(inputs, 4 * outputs, **options)

    def convolved(self, x):
        return depth_to_space(super().convolved(x))


def depth_to_space(x):
    """[N, 4C, H, W] → [N, C, 2H, 2W]; channels count the place in the block first."""
    n, channels, h, w = x.shape
    parts = x.reshape(n, 2, 2, channels // 4, h, w).permute(0, 3, 4, 1, 5, 2)  # [N, C, H, 2, W, 2]
    return parts.reshape(n, channels // 4, 2 * h, 2 * w)


def space_to_depth(x):
    """Undoes `depth_to_space`."""
    n, channels, h, w = x.shape
    parts = x.reshape(n, channels, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4)  # [N, 2, 2, C, H/2, W/2]
    return parts.reshape(n, 4 * channels, h // 2, w // 2)


def _sums_and_differences(x):
    """Four blocks of channels p, q, r, s become p+q+r+s, p+q−r−s, p−q+r−s and p−q−r+s."""
    p, q, r, s = x.chunk(4, dim=1)
    return torch.cat([p + q + (r + s), p + q - (r + s), p - q + (r - s), p - q - (r - s)], dim=1)


class HaarWavelets(nn.Module):
    """One step of Haar's wavelet transform: [N, C, 2H, 2W] → [N, 4C, H, W]."""

    def forward(self, x, codes=None):
        return _sums_and_differences(space_to_depth(x)) * 0.25


class InverseHaarWavelets(nn.Module):
    """Undoes `HaarWavelets`."""

    def forward(self, x, codes=None):
        return depth_to_space(_sums_and_differences(x))


class Rescale(nn.Module):
    """factor·x + offset: from one range of pixels to another."""

    def __init__(self, factor, offset):
        super().__init__()
        self.factor, self.offset = factor, offset

    def forward(self, x, codes=None):
        return self.factor * x + self.offset


class ResidualBlock(nn.Module):
    """Twice a norm, an activation and a 3×3 convolution, beside a skip (arXiv 1603.05027).

    The skip is a 1×1 convolution where the width changes; it reads the block's input, or (`of_output`, as in MaskGIT) its
    output.
    """

    def __init__(self, inputs, outputs, norms, activation, bias, of_output):
        super().__init__()
        self.norm1, self.norm2 = norms
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.shortcut = None
        if inputs != outputs:
            self.shortcut = nn.Conv2d(outputs if of_output else inputs, outputs, 1, bias=bias)
        self.activation = activation
        self.of_output = of_output

    def forward(self, x, codes=None):
        y = x
        for norm, convolution in ((self.norm1, self.conv1), (self.norm2, self.conv2)):
            y = y if norm is None else norm(y, codes)
            y = convolution(ACTIVATIONS[self.activation](y))
        if self.shortcut is None:
            return x + y
        return self.shortcut(y if self.of_output else x) + y


class Attention(nn.Module):
    """Every position of the grid to every other, one head as wide as the channels, beside a skip (VQGAN)."""

    def __init__(self, channels, norm):
        super().__init__()
        self.norm = norm
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x, codes=None):
        y = x if self.norm is None else self.norm(x, codes)
        rows = [each(y).flatten(2).transpose(1, 2)[:, None] for each in (self.query, self.key, self.value)]
        mixed = F.scaled_dot_product_attention(*rows)[:, 0]  # [N, H*W, C]
        return x + self.out(mixed.transpose(1, 2).reshape(x.shape))
