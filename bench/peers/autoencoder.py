"""The convolutional VQ autoencoder of bench/ours/autoencoder.mjs in PyTorch: same layers, batch, loss and optimizer.

usage: autoencoder.py --mode train|encode|decode [--preset small|base|vqgan] [--library torch|diffusers]
    [--layout channels_last|contiguous] [--width 64] [--side 64] [--batch 32] [--device cpu] [--precision default|float32]
    [--threads 2] [--repeats 10]

RGB images. "small": downsampling factor 4, widths W and 2·W, two residual blocks a side at the low resolution, no norms,
ReLU. "base": factor 16, widths W, 2·W, 2·W and 4·W, two residual blocks a stage, group norm and SiLU. "vqgan": see
vqgan.py, where "diffusers" takes that library's model in place of our own. All: D = 64, K = 1024; straight-through VQ with codebook loss and 0.25 × commitment loss; Adam. "train" is a whole step: forward,
backward, update, loss read. "encode" goes from images to indices, "decode" back.
"""

import torch
from torch import nn
from torch.nn import functional as F

from common import DeviceMemory, PeakMemory, arguments, report, seconds
from quantizers import nearest
from vqgan import DiffusersVqgan, Vqgan


class Preset:
    """Widths and blocks of the stages, the largest grid first, and what stands before a convolution."""

    def __init__(self, name, width):
        self.has_norms = name == "base"
        if name == "base":
            self.widths, self.blocks = [width, 2 * width, 2 * width, 4 * width], [2, 2, 2, 2]
        else:
            self.widths, self.blocks = [width, 2 * width], [0, 2]

    def activated(self, channels):
        if not self.has_norms:
            return [nn.ReLU()]
        groups = next(count for count in range(min(32, channels), 0, -1) if channels % count == 0)
        return [nn.GroupNorm(groups, channels), nn.SiLU()]


class ResidualBlock(nn.Module):
    def __init__(self, preset, channels):
        super().__init__()
        halves = [[*preset.activated(channels), nn.Conv2d(channels, channels, 3, padding=1)] for _ in range(2)]
        self.body = nn.Sequential(*halves[0], *halves[1])

    def forward(self, x):
        return x + self.body(x)


class Upsample(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


def encoder(preset, code_dim):
    layers, channels = [], 3
    for width, blocks in zip(preset.widths, preset.blocks):
        layers += preset.activated(channels) if layers else []
        layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1)]
        layers += [ResidualBlock(preset, width) for _ in range(blocks)]
        channels = width
    return nn.Sequential(*layers, *preset.activated(channels), nn.Conv2d(channels, code_dim, 1))


def decoder(preset, code_dim):
    channels = preset.widths[-1]
    layers = [nn.Conv2d(code_dim, channels, 3, padding=1)]
    for width, blocks, wanted in zip(preset.widths[::-1], preset.blocks[::-1], [*preset.widths[-2::-1], 3]):
        layers += [ResidualBlock(preset, width) for _ in range(blocks)]
        layers += [*preset.activated(width), Upsample(width, wanted)]
    return nn.Sequential(*layers)


class Networks(nn.Module):
    """Encoder, codebook and decoder of the presets "small" and "base"."""

    def __init__(self, preset, width, code_dim=64, codebook_size=1024):
        super().__init__()
        self.encoder = encoder(Preset(preset, width), code_dim)
        self.codebook = nn.Parameter(torch.randn(codebook_size, code_dim) * code_dim**-0.5)
        self.decoder = decoder(Preset(preset, width), code_dim)


def networks(preset, width, library):
    if preset != "vqgan":
        return Networks(preset, width)
    return DiffusersVqgan(width) if library == "diffusers" else Vqgan(width)


class Autoencoder(nn.Module):
    def __init__(self, width=64, preset="small", library="torch"):
        super().__init__()
        made = networks(preset, width, library)
        self.encoder, self.codebook, self.decoder = made.encoder, made.codebook, made.decoder

    def latents(self, images):
        grid = self.encoder(images)  # [N, D, H, W]
        return grid, grid.permute(0, 2, 3, 1).reshape(-1, grid.shape[1])

    def encode(self, images):
        return nearest(self.latents(images)[1], self.codebook)

    def decode(self, indices):
        """[N, H, W] to images."""
        return self.decoder(F.embedding(indices, self.codebook).permute(0, 3, 1, 2))

    def passed(self, images):
        """Reconstruction and the quantizer's losses."""
        grid, rows = self.latents(images)
        with torch.no_grad():
            indices = nearest(rows, self.codebook)
        codes = F.embedding(indices, self.codebook)
        auxiliary = F.mse_loss(codes, rows.detach()) + 0.25 * F.mse_loss(rows, codes.detach())
        quantized = rows + (codes - rows).detach()  # [N*H*W, D]
        n, d, h, w = grid.shape
        quantized = quantized.view(n, h, w, d).permute(0, 3, 1, 2)  # [N, D, H, W] in channels_last memory
        if not grid.is_contiguous(memory_format=torch.channels_last):
            quantized = quantized.contiguous()
        return self.decoder(quantized), auxiliary

    def loss(self, images):
        reconstruction, auxiliary = self.passed(images)
        return F.mse_loss(reconstruction, images) + auxiliary


def main():
    options = arguments(
        mode="train", layout="channels_last", preset="small", library="torch", width=64, side=64, batch=32
    )
    device, batch, side = options.device, options.batch, options.side
    device_memory = DeviceMemory(device)
    memory_format = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    model = Autoencoder(options.width, preset=options.preset, library=options.library)
    model = model.to(device, memory_format=memory_format)
    memory = PeakMemory()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    images = [
        (torch.rand(batch, 3, side, side) * 2 - 1).to(device, memory_format=memory_format) for _ in range(4)
    ]
    grid = side // (4 if options.preset == "small" else 16)
    codes = [torch.randint(1024, (batch, grid, grid)).to(device) for _ in range(4)]

    def train(index):
        loss = model.loss(images[index % 4])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def encode(index):
        return model.encode(images[index % 4]).cpu()

    @torch.no_grad()
    def decode(index):
        return model.decode(codes[index % 4]).cpu()

    call = {"train": train, "encode": encode, "decode": decode}[options.mode]
    durations = seconds(call, options.repeats, warmup=3)
    measures = {
        "speed": [batch / s for s in durations],
        "memory": [memory.megabytes()],
        "resident": [memory.resident()],
        "device-memory": [device_memory.megabytes()],
    }
    parameters = sum(parameter.numel() for parameter in model.parameters())
    report(measures, device, parameters=parameters, batch=batch)


if __name__ == "__main__":
    main()
