"""Distances and gradients of the lpips package: python lpips_reference.py NETWORK FOLDER. A random backbone of torchvision's, and
the package's own heads."""

import os
import sys

import lpips
import safetensors.torch
import torch
import torchvision

name, out = sys.argv[1:]
torch.manual_seed({"vgg": 1, "alex": 2, "squeeze": 3}[name])
build = {"vgg": "vgg16", "alex": "alexnet", "squeeze": "squeezenet1_1"}[name]
model = getattr(torchvision.models, build)(weights=None)
state = {key: value for key, value in model.state_dict().items() if key.startswith("features.")}
torch.save(state, os.path.join(out, "weights.pth"))

heads = os.path.join(os.path.dirname(lpips.__file__), "weights", "v0.1", f"{name}.pth")
load = torch.load
torch.load = lambda *given, **named: load(*given, **{**named, "map_location": "cpu"})
network = lpips.LPIPS(net=name, pnet_rand=True, model_path=heads, verbose=False).eval()
theirs = {
    f"features.{key.split('.', 1)[1]}": parameter
    for key, parameter in network.net.named_parameters()
}
assert set(theirs) == set(state), (sorted(theirs)[:3], sorted(state)[:3])
for key, parameter in theirs.items():
    parameter.data.copy_(state[key])
network = network.double()

x = torch.rand(2, 3, 64, 80) * 2 - 1
y = (x + 0.4 * torch.randn_like(x)).clamp(-1, 1)
wanted = y.double().requires_grad_()
distance = network(x.double(), wanted).flatten()
(gradient,) = torch.autograd.grad(distance.mean(), [wanted])
assert torch.isfinite(gradient).all()
ours = {"x": x, "y": y, "gradient": gradient}
ours = {key: value.detach().float().permute(0, 2, 3, 1).contiguous() for key, value in ours.items()}
safetensors.torch.save_file(
    {**ours, "distance": distance.detach().float()}, os.path.join(out, "reference.safetensors")
)
print(heads)
