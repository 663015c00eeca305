"""Values and gradients of the adversarial losses, by PyTorch's autograd in float64.

Writes tests/losses/adversarial/reference.json: `python tools/make_adversarial_reference.py`. Needs PyTorch. Everything is
written from the papers' formulas with PyTorch's own layers, in its layouts, and stored in ours: images [N, H, W, C],
kernels [rows, columns, inputs, outputs].
"""

import json
import os

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
OUT = os.path.join(os.path.dirname(__file__), "..", "tests", "losses", "adversarial", "reference.json")


def numbers(tensor):
    return {"shape": list(tensor.shape), "values": [float(f"{x:.9g}") for x in tensor.detach().flatten().tolist()]}


def ours(tensor):
    """Images and kernels in our layout."""
    return numbers(tensor.permute(0, 2, 3, 1)) if tensor.dim() == 4 else numbers(tensor)


def kernel(tensor):
    return numbers(tensor.permute(2, 3, 1, 0))


def model_loss(kind, d):
    return {
        "hinge": lambda: -d.mean(),
        "logistic": lambda: F.binary_cross_entropy_with_logits(d, torch.ones_like(d)),
        "least-squares": lambda: 0.5 * F.mse_loss(d, torch.ones_like(d)),
    }[kind]()


def discriminator_loss(kind, real, fake):
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    if kind == "hinge":
        return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())
    one = F.binary_cross_entropy_with_logits if kind == "logistic" else F.mse_loss
    return 0.5 * (one(real, ones) + one(fake, zeros))


def of_logits():
    real, fake = (torch.randn(2, 3, 2, 1, requires_grad=True) for _ in range(2))
    cases = {}
    for kind in ("hinge", "logistic", "least-squares"):
        loss = discriminator_loss(kind, real, fake)
        to_real, to_fake = torch.autograd.grad(loss, [real, fake])
        made = model_loss(kind, fake)
        (to_model,) = torch.autograd.grad(made, [fake])
        cases[kind] = {
            "discriminator": loss.item(), "toReal": numbers(to_real), "toReconstructed": numbers(to_fake),
            "model": made.item(), "toModel": numbers(to_model),
        }
    mean_real, mean_fake = 0.4, -0.2
    value = F.relu(real - mean_fake).pow(2).mean() + F.relu(mean_real - fake).pow(2).mean()
    to_real, to_fake = torch.autograd.grad(value, [real, fake])
    lecam = {"meanReal": mean_real, "meanReconstructed": mean_fake, "value": value.item(),
             "toReal": numbers(to_real), "toReconstructed": numbers(to_fake)}
    return {"real": numbers(real), "reconstructed": numbers(fake), "losses": cases, "lecam": lecam}


def discriminator(norm, width=2, layers=2):
    """pix2pix's, with PyTorch's layers; names as ours."""
    named, channels = [], 3
    for i in range(layers + 2):
        last = i == layers + 1
        out = 1 if last else width * min(2**i, 8)
        name = "out" if last else f"layer{i}"
        bias = norm != "batch" or i == 0 or last
        conv = nn.Conv2d(channels, out, 4, 2 if i < layers else 1, 1, bias=bias)
        nn.init.normal_(conv.weight, 0, 0.3)
        named.append((name, nn.utils.spectral_norm(conv) if norm == "spectral" else conv))
        if norm == "batch" and 0 < i <= layers:
            scaled = nn.BatchNorm2d(out)
            nn.init.normal_(scaled.weight, 1, 0.3)
            nn.init.normal_(scaled.bias, 0, 0.3)
            named.append((f"{name}/norm", scaled))
        if not last:
            named.append((None, nn.LeakyReLU(0.2)))
        channels = out
    return named


def parameters(named):
    """What learns, by our names."""
    found = {}
    for name, module in named:
        if isinstance(module, nn.BatchNorm2d):
            found[f"{name}/scale"], found[f"{name}/offset"] = module.weight, module.bias
        elif isinstance(module, nn.Conv2d):
            found[f"{name}/kernel"] = getattr(module, "weight_orig", module.weight)
            if module.bias is not None:
                found[f"{name}/bias"] = module.bias
    return found


def state(named):
    """What is kept without a gradient, by our names."""
    found = {}
    for name, module in named:
        if isinstance(module, nn.BatchNorm2d):
            found[f"{name}/mean"], found[f"{name}/variance"] = module.running_mean, module.running_var
        elif hasattr(module, "weight_u"):
            found[f"{name}/direction"] = module.weight_u
    return {name: numbers(tensor) for name, tensor in found.items()}


def stored(by_name):
    return {name: kernel(t) if name.endswith("kernel") else numbers(t) for name, t in by_name.items()}


def of_discriminator(norm, images, reconstructions):
    named = discriminator(norm)
    network = nn.Sequential(*[module for _, module in named]).train()
    learning = parameters(named)
    case = {"weights": stored(learning), "before": state(named)}
    real = network(images)
    fake = network(reconstructions)
    loss = discriminator_loss("hinge", real, fake)
    case |= {"real": ours(real), "reconstructed": ours(fake), "loss": loss.item(), "after": state(named)}
    case["gradients"] = stored(dict(zip(learning, torch.autograd.grad(loss, list(learning.values()), retain_graph=True))))
    score = real.mean(dim=[1, 2, 3]).sum()
    (slope,) = torch.autograd.grad(score, [images], create_graph=True)
    penalty = 0.5 * slope.pow(2).sum(dim=[1, 2, 3]).mean()
    second = torch.autograd.grad(penalty, list(learning.values()), allow_unused=True)
    case["r1"] = penalty.item()
    case["r1Gradients"] = stored({n: torch.zeros_like(p) if g is None else g for (n, p), g in zip(learning.items(), second)})
    return case


def of_weight():
    """VQGAN's adaptive weight at the last of two convolutions: two losses of what they make, one of them balanced."""
    inputs = torch.randn(2, 3, 5, 7)
    target = torch.randn(2, 3, 5, 7)
    first, last = (torch.randn(4, 3, 3, 3, requires_grad=True), torch.randn(3, 4, 3, 3, requires_grad=True))
    scorer = torch.randn(1, 3, 3, 3)
    made = F.conv2d(torch.tanh(F.conv2d(inputs, first, padding=1)), last, padding=1)
    plain = 1.5 * (made - target).abs().mean()
    balanced = -F.conv2d(made, scorer).mean()
    (of_plain,) = torch.autograd.grad(plain, [last], retain_graph=True)
    (of_balanced,) = torch.autograd.grad(balanced, [last], retain_graph=True)
    ratio = (of_plain.norm() / (of_balanced.norm() + 1e-4)).clamp(0, 1e4).detach()
    total = plain + 0.8 * ratio * balanced
    to_first, to_last = torch.autograd.grad(total, [first, last])
    return {
        "inputs": ours(inputs), "target": ours(target), "first": kernel(first), "last": kernel(last),
        "scorer": kernel(scorer), "plainNorm": of_plain.norm().item(), "balancedNorm": of_balanced.norm().item(),
        "weight": 0.8 * ratio.item(), "total": total.item(), "toFirst": kernel(to_first), "toLast": kernel(to_last),
    }


images = torch.randn(2, 3, 12, 14, requires_grad=True)
reconstructions = images.detach() + 0.5 * torch.randn(2, 3, 12, 14)
reference = {
    "source": f"tools/make_adversarial_reference.py, PyTorch {torch.__version__.split('+')[0]}, float64",
    "logits": of_logits(),
    "images": ours(images),
    "reconstructions": ours(reconstructions),
    "discriminators": {norm: of_discriminator(norm, images, reconstructions) for norm in ("batch", "none", "spectral")},
    "adaptive": of_weight(),
}
with open(OUT, "w") as file:
    json.dump(reference, file, separators=(",", ":"))
    file.write("\n")
