"""vqkit's files: config.json, and weights in safetensors under vqkit's names and in its layout.

Names have slashes where PyTorch has dots. A convolution's `weight` is `kernel` there, [rows, columns, inputs, outputs], a
norm's `weight` and `bias` are `scale` and `offset`; all else has one name and one layout in both.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from .autoencoder import ImageAutoencoder
from .quantizers import create

NAMES = {nn.Conv2d: {"weight": "kernel"}, nn.GroupNorm: {"weight": "scale", "bias": "offset"}}


class FileError(Exception):
    """In one line: where, what was expected, what was found."""


def read_project(path):
    """The content of config.json that `vqkit export --to pytorch` wrote."""
    try:
        project = json.loads(Path(path).read_text())
    except OSError as error:
        raise FileError(f"{path}: expected a configuration, got {error.strerror}.") from error
    if project.get("format") != "vqkit-pytorch" or project.get("formatVersion") != 1:
        raise FileError(f"{path}: expected format vqkit-pytorch 1. Export the project with this version of vqkit.")
    return project


def build(config):
    """The model of a run's configuration, with weights that a file fills."""
    return ImageAutoencoder(config["model"], create(config["quantizer"]))


def state_of(model):
    """Every parameter and buffer that vqkit keeps, by its name there."""
    state = model.state_dict(keep_vars=True)
    return {vqkit_name(model, name): tensor for name, tensor in state.items()}


def vqkit_name(model, name):
    """`encoder.down0.weight` → `encoder/down0/kernel`."""
    path, _, own = name.rpartition(".")
    module = model.get_submodule(path)
    for kind, names in NAMES.items():
        if isinstance(module, kind):
            own = names.get(own, own)
    return f"{path}.{own}".replace(".", "/")


def from_vqkit(name, value):
    """A weight as PyTorch has it: kernels [outputs, inputs, rows, columns]."""
    return value.permute(3, 2, 0, 1) if is_kernel(name, value) else value


def is_kernel(name, tensor):
    return name.endswith("/kernel") and tensor.ndim == 4


@torch.no_grad()
def load_weights(model, path):
    """Fills a model from model.safetensors. Every weight has to be there, with its shape, and none besides."""
    state = state_of(model)
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())
        missing, extra = sorted(state.keys() - names), sorted(names - state.keys())
        if missing or extra:
            raise FileError(f"{path}: expected the model's weights, lacks {missing[:3]}, has {extra[:3]} besides.")
        for name, tensor in state.items():
            value = from_vqkit(name, file.get_tensor(name))
            if value.shape != tensor.shape:
                raise FileError(f"{path}: {name}: expected {tuple(tensor.shape)}, got {tuple(value.shape)}.")
            tensor.copy_(value)


def to_vqkit(name, tensor):
    """A weight as vqkit stores it: float32, on the CPU, kernels [rows, columns, inputs, outputs]."""
    value = tensor.detach().to("cpu", torch.float32)
    return (value.permute(2, 3, 1, 0) if is_kernel(name, value) else value).contiguous()


def save_weights(state, config, path):
    """Writes weights by vqkit's names as a model file of vqkit, whole or not at all."""
    metadata = {"format": "vqkit", "formatVersion": "1", "config": json.dumps(config)}
    tensors = {name: to_vqkit(name, tensor) for name, tensor in state.items()}
    write_whole(path, lambda temporary: save_file(tensors, temporary, metadata))


def write_json(value, path):
    write_whole(path, lambda temporary: temporary.write_text(json.dumps(value, indent=2) + "\n"))


def write_whole(path, write):
    """Lets `write(temporary)` make a file, which then takes its place at once."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    write(temporary)
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
