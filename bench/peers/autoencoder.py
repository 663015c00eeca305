"""The convolutional VQ autoencoder of bench/ours/autoencoder.mjs in PyTorch: same layers, batch, loss and optimizer.

usage: autoencoder.py --mode train|encode [--layout channels_last|contiguous] [--width 64] [--batch 32] [--threads 2] [--repeats 10]

64×64 RGB, downsampling factor 4, widths W and 2·W (64 and 128 by default), two residual blocks a side at the low resolution, no norms, D = 64,
K = 1024; straight-through VQ with codebook loss and 0.25 × commitment loss; Adam. "train" is a whole step: forward,
backward, update, loss read. "encode" goes from images to indices.
"""

import torch
from torch import nn
from torch.nn import functional as F

from common import arguments, report, seconds
from quantizers import nearest


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.second(F.relu(self.first(F.relu(x))))


class Upsample(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Autoencoder(nn.Module):
    def __init__(self, width=64, code_dim=64, codebook_size=1024):
        super().__init__()
        low, high = width, 2 * width
        self.encoder = nn.Sequential(
            nn.Conv2d(3, low, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(low, high, 4, stride=2, padding=1),
            ResidualBlock(high),
            ResidualBlock(high),
            nn.ReLU(),
            nn.Conv2d(high, code_dim, 1),
        )
        self.codebook = nn.Parameter(torch.randn(codebook_size, code_dim) * code_dim**-0.5)
        self.decoder = nn.Sequential(
            nn.Conv2d(code_dim, high, 3, padding=1),
            ResidualBlock(high),
            ResidualBlock(high),
            nn.ReLU(),
            Upsample(high, low),
            nn.ReLU(),
            Upsample(low, 3),
        )

    def latents(self, images):
        grid = self.encoder(images)  # [N, D, H, W]
        return grid, grid.permute(0, 2, 3, 1).reshape(-1, grid.shape[1])

    def encode(self, images):
        return nearest(self.latents(images)[1], self.codebook)

    def loss(self, images):
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
        return F.mse_loss(self.decoder(quantized), images) + auxiliary


def main():
    options = arguments(mode="train", layout="channels_last", width=64, batch=32)
    memory_format = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    model = Autoencoder(options.width).to(memory_format=memory_format)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    images = [(torch.rand(options.batch, 3, 64, 64) * 2 - 1).to(memory_format=memory_format) for _ in range(4)]

    def train(index):
        loss = model.loss(images[index % 4])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def encode(index):
        return model.encode(images[index % 4])

    durations = seconds(train if options.mode == "train" else encode, options.repeats, warmup=3)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    report({"speed": [options.batch / s for s in durations]}, parameters=parameters, batch=options.batch)


if __name__ == "__main__":
    main()
