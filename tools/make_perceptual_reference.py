"""Distances of narrow networks in the layout of LPIPS's three, with their gradients, by PyTorch in float64.

Writes tests/losses/perceptual/{vgg,alex,squeeze}: `python tools/make_perceptual_reference.py`. Needs PyTorch,
torchvision (its Fire module) and safetensors. Each file has torchvision's names for the weights, LPIPS's for the heads,
and images, reconstructions, their distance and its gradient at the reconstructions. The weights are random; those of a
published network are nowhere in them.
"""

import os

import safetensors.torch
import torch
from torch import nn
from torchvision.models.squeezenet import Fire

torch.manual_seed(5)
OUT = os.path.join(os.path.dirname(__file__), "..", "tests", "losses", "perceptual")


def vgg(d):
    layers, taps, inputs = [], [], 3
    for i, count in enumerate((2, 2, 3, 3, 3)):
        if i > 0:
            layers.append(nn.MaxPool2d(2))
        for _ in range(count):
            outputs = min(64 * 2**i, 512) // d
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            inputs = outputs
        taps.append(len(layers) - 1)
    return layers, taps


def alex(d):
    a, b, c, e = (n // d for n in (64, 192, 384, 256))
    layers = [
        nn.Conv2d(3, a, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(b, c, 3, padding=1), nn.ReLU(),
        nn.Conv2d(c, e, 3, padding=1), nn.ReLU(),
        nn.Conv2d(e, e, 3, padding=1), nn.ReLU(),
    ]
    return layers, [1, 4, 7, 9, 11]


def squeeze(d):
    def fire(i, s, e):
        return Fire(i // d, s // d, e // d, e // d)

    def halved():
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers = [
        nn.Conv2d(3, 64 // d, 3, stride=2), nn.ReLU(), halved(), fire(64, 16, 64), fire(128, 16, 64), halved(),
        fire(128, 32, 128), fire(256, 32, 128), halved(), fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256),
        fire(512, 64, 256),
    ]
    return layers, [1, 4, 7, 9, 10, 11, 12]


def features(layers, taps, x):
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1).to(x)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1).to(x)
    x, found = (x - shift) / scale, []
    for i, layer in enumerate(layers):
        x = layer(x)
        if i in taps:
            found.append(x)
    return found


def unit(feature):
    return feature / (feature.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10)


for name, build, divisor in (("vgg", vgg, 32), ("alex", alex, 32), ("squeeze", squeeze, 16)):
    layers, taps = build(divisor)
    tensors = {}
    for module in layers:
        for parameter in module.parameters():
            # Wide enough that no feature dies, and biases that count.
            nn.init.normal_(parameter, 0.05, 1.5 / max(1, parameter[0].numel()) ** 0.5 if parameter.dim() > 1 else 0.2)
    for i, module in enumerate(layers):
        tensors |= {f"features.{i}.{key}": value for key, value in module.state_dict().items()}
    images = torch.rand(1, 3, 33, 38) * 2 - 1
    reconstructions = (images + 0.3 * torch.randn_like(images)).clamp(-1, 1)
    layers = [module.double() for module in layers]
    x, y = images.double(), reconstructions.double().requires_grad_()
    distance = 0.0
    for i, (a, b) in enumerate(zip(features(layers, taps, x), features(layers, taps, y))):
        head = torch.rand(1, a.shape[1], 1, 1)
        tensors[f"lin{i}.model.1.weight"] = head
        distance = distance + ((unit(a) - unit(b)) ** 2 * head.double()).sum(dim=1).mean(dim=[1, 2])
    (gradient,) = torch.autograd.grad(distance.sum(), [y])
    assert torch.isfinite(gradient).all()
    known = {"images": images, "reconstructions": reconstructions, "distance": distance, "gradient": gradient}
    tensors |= {k: (v if k == "distance" else v.permute(0, 2, 3, 1)) for k, v in known.items()}
    tensors = {k: v.detach().float().contiguous() for k, v in tensors.items()}
    os.makedirs(OUT, exist_ok=True)
    # One of the three in PyTorch's own format.
    if name == "squeeze":
        torch.save(tensors, os.path.join(OUT, f"{name}.pth"))
    else:
        safetensors.torch.save_file(tensors, os.path.join(OUT, f"{name}.safetensors"))
    print(name, distance.item(), sum(v.numel() for v in tensors.values()))
