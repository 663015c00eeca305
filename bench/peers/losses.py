"""A training step with a perceptual or an adversarial loss in PyTorch: the model of autoencoder.py, and LPIPS over VGG16 or
PatchGAN beside it, as taming-transformers trains them.

usage: losses.py --loss perceptual|adversarial [--layout channels_last|contiguous] [--width 64] [--side 64] [--batch 16]
    [--threads 2] [--repeats 10]

"perceptual": LPIPS of images and reconstructions with random weights, images without a graph. "adversarial": the model's
hinge term with the adaptive weight at the decoder's last convolution, then the discriminator's step with batch norm; both
see one pass. Adam for each.
"""

import torch
from torch import nn
from torch.nn import functional as F

from autoencoder import Autoencoder
from common import PeakMemory, arguments, report, seconds


class Lpips(nn.Module):
    def __init__(self):
        super().__init__()
        inputs, stages, widths = 3, [], (64, 128, 256, 512, 512)
        for i, (count, width) in enumerate(zip((2, 2, 3, 3, 3), widths)):
            layers = [nn.MaxPool2d(2)] if i else []
            for _ in range(count):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = width
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        self.heads = nn.ModuleList([nn.Conv2d(width, 1, 1, bias=False) for width in widths])
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def features(self, x):
        x, found = (x - self.shift) / self.scale, []
        for stage in self.stages:
            x = stage(x)
            found.append(x / (x.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return found

    def forward(self, images, reconstructions):
        with torch.no_grad():
            a = self.features(images)
        pairs = zip(a, self.features(reconstructions), self.heads)
        return sum(head((x - y) ** 2).mean() for x, y, head in pairs)


def discriminator(width=64, layers=3):
    made, channels = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True)], width
    for i in range(1, layers + 1):
        out = width * min(2**i, 8)
        made += [nn.Conv2d(channels, out, 4, 2 if i < layers else 1, 1, bias=False), nn.BatchNorm2d(out)]
        made += [nn.LeakyReLU(0.2, True)]
        channels = out
    return nn.Sequential(*made, nn.Conv2d(channels, 1, 4, 1, 1))


def last_kernel(model):
    return [module for module in model.decoder.modules() if isinstance(module, nn.Conv2d)][-1].weight


def main():
    options = arguments(loss="perceptual", layout="channels_last", width=64, side=64, batch=16)
    layout = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    model = Autoencoder(options.width).to(memory_format=layout)
    lpips = Lpips().to(memory_format=layout) if options.loss == "perceptual" else None
    critic = discriminator().to(memory_format=layout) if options.loss == "adversarial" else None
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    critic_optimizer = None if critic is None else torch.optim.Adam(critic.parameters(), lr=3e-4, betas=(0.5, 0.9))
    memory = PeakMemory()
    size = (options.batch, 3, options.side, options.side)
    images = [(torch.rand(size) * 2 - 1).contiguous(memory_format=layout) for _ in range(4)]

    def perceptual(index):
        x = images[index % 4]
        made, auxiliary = model.passed(x)
        loss = F.mse_loss(made, x) + auxiliary + lpips(x, made)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def adversarial(index):
        x = images[index % 4]
        made, auxiliary = model.passed(x)
        reconstruction, term = F.mse_loss(made, x), -critic(made).mean()
        kernel = last_kernel(model)
        (of_images,) = torch.autograd.grad(reconstruction, [kernel], retain_graph=True)
        (of_term,) = torch.autograd.grad(term, [kernel], retain_graph=True)
        weight = (of_images.norm() / (of_term.norm() + 1e-4)).clamp(0, 1e4).detach()
        optimizer.zero_grad(set_to_none=True)
        (reconstruction + auxiliary + 0.8 * weight * term).backward()
        optimizer.step()
        loss = 0.5 * (F.relu(1 - critic(x)).mean() + F.relu(1 + critic(made.detach())).mean())
        critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        critic_optimizer.step()
        return loss.item()

    call = {"perceptual": perceptual, "adversarial": adversarial}[options.loss]
    durations = seconds(call, options.repeats, warmup=3)
    learning = [*model.parameters(), *(critic.parameters() if critic is not None else [])]
    measures = {
        "speed": [options.batch / s for s in durations],
        "memory": [memory.megabytes()],
        "resident": [memory.resident()],
    }
    report(measures, parameters=sum(each.numel() for each in learning), batch=options.batch)


if __name__ == "__main__":
    main()
