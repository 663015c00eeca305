"""Encoder, quantizer and decoder as a configuration's `model` describes them."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from .layers import (
    AdaptiveNorm,
    Attention,
    AverageHalving,
    Chain,
    Convolution,
    DepthToSpace,
    GroupNorm,
    HaarWavelets,
    InverseHaarWavelets,
    NearestDoubling,
    PaddedHalving,
    Rescale,
    ResidualBlock,
    SpatialNorm,
)


class Pass(NamedTuple):
    """What one pass through the whole model returns."""

    reconstruction: torch.Tensor  # [N, 3, H·f, W·f], about -1..1; not clamped
    latents: torch.Tensor  # [N, H, W, D]: what the quantizer was given
    quantized: torch.Tensor  # [N, H, W, D]
    indices: torch.Tensor  # [N, H, W, Q], of a sequence [N, 1, L, Q]
    losses: dict  # the quantizer's, unweighted


class ImageAutoencoder(nn.Module):
    """A fully convolutional image autoencoder with a quantizer between its two networks.

    Pixels are [N, 3, H·f, W·f] in -1..1, f the downsampling factor. Its parameters and buffers have the names of vqkit's
    files (see `files.py`). The quantizer computes in float32 whatever the networks do.
    """

    def __init__(self, config, quantizer):
        super().__init__()
        self.config = config
        self.encoder = Chain(encoder_layers(config))
        self.projection = nn.ModuleDict(projections(config, quantizer.code_dim))
        self.quantizer = quantizer
        self.decoder = Chain(decoder_layers(config, quantizer.code_dim))

    def encode(self, pixels):
        """Latents [N, H, W, D], not yet quantized."""
        x = self.encoder(pixels)
        if "in" in self.projection:
            x = self.projection["in"](x)
        return x.float().permute(0, 2, 3, 1)

    def decode(self, quantized):
        """Pixels, about -1..1, of codes [N, H, W, D]."""
        codes = quantized.permute(0, 3, 1, 2)
        x = self.projection["out"](codes) if "out" in self.projection else codes
        return self.decoder(x, codes).float()

    def forward(self, pixels, drawn=None):
        """drawn: what the quantizer draws for a step of training; None in evaluation."""
        latents = self.encode(pixels)
        with torch.autocast(latents.device.type, enabled=False):
            quantized, indices, losses = self.quantizer(latents, drawn)
        return Pass(self.decode(quantized), latents, quantized, indices, losses)


@dataclass(frozen=True)
class Place:
    """Where in a model a layer stands: what decides its norms."""

    config: dict
    code_dim: int | None = None  # in a decoder

    def norm(self, channels):
        if not self.config["groupNorm"]:
            return None
        if self.code_dim is not None and self.config["decoderNorm"] == "spatial":
            return SpatialNorm(channels, *self.groups(channels), self.code_dim)
        return GroupNorm(channels, *self.groups(channels))

    def groups(self, channels):
        """The most groups that share the channels out evenly, and ε."""
        groups = min(self.config["normGroups"], channels)
        while channels % groups:
            groups -= 1
        return groups, self.config["normEpsilon"]

    def activated(self, channels):
        return {"norm": self.norm(channels), "activation": self.config["activation"]}

    def block(self, inputs, outputs):
        norms = [self.norm(inputs), self.norm(outputs)]
        c = self.config
        return ResidualBlock(inputs, outputs, norms, c["activation"], c["blockBias"], c["shortcut"] == "output")

    def attention(self, channels):
        return Attention(channels, self.norm(channels))


def encoder_layers(config):
    """Pixels → latentChannels. The two layouts differ in where width and size change; see vqkit's docs/models.md."""
    place = Place(config)
    is_full = config["layout"] == "full-size"
    layers = patched(config)
    channels = patch_channels(config)
    if is_full:
        width = config["inputWidth"] or config["baseWidth"]
        layers.append(("in", Convolution(channels, width, bias=config["inputBias"])))
        channels = width
    for i, width in enumerate(widths(config)):
        if not is_full:
            before = place.activated(channels) if i > 0 else {}
            layers.append((f"down{i}", halving(config, channels, width, **before)))
            channels = width
        blocks, attention = config["residualBlocks"][i], i in config["attentionStages"]
        stage = stage_layers(place, (channels, width), blocks, attention)
        if stage:
            layers.append((f"stage{i}", Chain(stage)))
        channels = width if blocks > 0 else channels
        if is_full and i < halvings(config):
            layers.append((f"down{i}", halving(config, channels, channels)))
    layers += middle(place, channels)
    kernel = config["encoderOutKernel"]
    layers.append(("out", Convolution(channels, config["latentChannels"], kernel, **place.activated(channels))))
    return layers


def decoder_layers(config, code_dim):
    """latentChannels → pixels; the stages from the smallest grid to the largest."""
    place = Place(config, code_dim)
    is_full = config["layout"] == "full-size"
    all_widths = widths(config)
    channels = all_widths[-1]
    layers = [("in", Convolution(config["latentChannels"], channels)), *middle(place, channels)]
    for position, width in enumerate(reversed(all_widths)):
        i = len(all_widths) - 1 - position
        stage = []
        if config["decoderNorm"] == "adaptive":
            stage.append(("style", AdaptiveNorm(channels, *place.groups(channels), code_dim)))
        blocks, attention = config["decoderBlocks"][i], i in config["decoderAttentionStages"]
        stage += stage_layers(place, (channels, width), blocks, attention)
        if stage:
            layers.append((f"stage{i}", Chain(stage)))
        channels = width if blocks > 0 else channels
        if position >= halvings(config):
            continue
        up = f"up{halvings(config) - 1 - position}"
        if is_full:
            layers.append((up, doubling(config, channels, channels)))
        else:
            wanted = all_widths[i - 1] if i > 0 else patch_channels(config)
            layers.append((up, doubling(config, channels, wanted, **place.activated(channels))))
            channels = wanted
    if is_full:
        layers.append(("out", Convolution(channels, patch_channels(config), **place.activated(channels))))
    return layers + unpatched(config)


def stage_layers(place, channels, blocks, has_attention):
    """Blocks of which the first changes the width, each followed by attention where there is any."""
    inputs, outputs = channels
    layers = []
    for i in range(blocks):
        layers.append((f"block{i}", place.block(inputs if i == 0 else outputs, outputs)))
        if has_attention:
            layers.append((f"attention{i}", place.attention(outputs)))
    return layers


def middle(place, width):
    """The blocks on the smallest grid; attention follows the first, or stands by itself."""
    layers = [(f"block{i}", place.block(width, width)) for i in range(place.config["middleBlocks"])]
    if place.config["middleAttention"]:
        layers.insert(1, ("attention0", place.attention(width)))
    return [("middle", Chain(layers))] if layers else []


def halving(config, inputs, outputs, **before):
    if config["down"] == "average":
        return AverageHalving()
    if config["down"] == "3x3":
        return PaddedHalving(inputs, outputs, 3, stride=2, **before)
    return Convolution(inputs, outputs, int(config["down"][0]), stride=2, **before)


def doubling(config, inputs, outputs, **before):
    kind = NearestDoubling if config["up"] == "nearest" else DepthToSpace
    return kind(inputs, outputs, **before)


def projections(config, code_dim):
    """The convolutions between latents and codes, in either direction."""
    kind, channels = config["quantConvolution"], config["latentChannels"]
    if kind == "none" or (kind == "auto" and channels == code_dim):
        return {}
    kernel = 3 if kind == "3x3" else 1
    return {"in": Convolution(channels, code_dim, kernel), "out": Convolution(code_dim, channels, kernel)}


def patched(config):
    """Pixels in -1..1 as the model's weights take them."""
    layers = [("rescale", Rescale(0.5, 0.5))] if config["pixelRange"] == "0..1" else []
    return layers + [(f"wavelets{i}", HaarWavelets()) for i in range(wavelet_steps(config))]


def unpatched(config):
    """Undoes `patched`."""
    layers = [(f"wavelets{i}", InverseHaarWavelets()) for i in range(wavelet_steps(config))]
    return layers + ([("rescale", Rescale(2.0, -1.0))] if config["pixelRange"] == "0..1" else [])


def wavelet_steps(config):
    return config["waveletPatch"].bit_length() - 1


def patch_channels(config):
    return 3 * config["waveletPatch"] ** 2


def widths(config):
    """Channels of each stage, the largest grid first."""
    return [config["baseWidth"] * multiplier for multiplier in config["widthMultipliers"]]


def halvings(config):
    """Times that the grid is halved by convolutions."""
    return (config["downsamplingFactor"] // config["waveletPatch"]).bit_length() - 1
