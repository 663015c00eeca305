"""What vqkit_torch makes of the cases that parity.long.test.ts has written: python parity.py PACKAGE FOLDER.

Each folder of FOLDER has `project/`, an exported project, and `given.safetensors`: pixels and draws of steps, and what
vqkit's first step found. `found.safetensors` is written beside it.
"""

import pathlib
import re
import sys

import torch

sys.path.insert(0, sys.argv[1])

from safetensors.torch import load_file, save_file  # noqa: E402
from vqkit_torch import data, files  # noqa: E402
from vqkit_torch.step import TrainingStep  # noqa: E402

CPU = torch.device("cpu")


def snake(name):
    return re.sub("([A-Z])", lambda match: "_" + match[1].lower(), name)


def started(project):
    content = files.read_project(project / "config.json")
    model = files.build(content["config"])
    files.load_weights(model, project / "model.safetensors")
    return TrainingStep(model, content["config"])


def of_step(given, step):
    prefix = f"drawn/{step}/"
    drawn = {snake(name[len(prefix) :]): value for name, value in given.items() if name.startswith(prefix)}
    drawn = {name: value for name, value in drawn.items() if not name.startswith("replacement_")}
    return data.to_pixels(given[f"pixels/{step}"], CPU), drawn


def first_step(project, given):
    """Losses and gradients of step 1; then what becomes of the state by vqkit's gradients, latents and indices."""
    training = started(project)
    pixels, drawn = of_step(given, 1)
    passes, figures = training.gradients([pixels], 1, [drawn])
    found = {f"figure/{name}": value.reshape(1) for name, value in figures[0].items()}
    found["indices"] = passes[0][1].to(torch.int32)
    for name, parameter in training.parameters().items():
        if parameter.grad is not None:
            found[f"gradient/{name}"] = files.to_vqkit(name, parameter.grad)
        gradient = given.get(f"gradient/{name}")
        parameter.grad = None if gradient is None else files.from_vqkit(name, gradient).contiguous()
    outcome = training.update([(given["latents"], given["indices"].long())], figures, 1)
    found["gradientNorm"] = torch.tensor([outcome.figures["gradientNorm"]])
    for name, tensor in training.state.items():
        found[f"after/{name}"] = files.to_vqkit(name, tensor)
    if training.average is not None:
        for name, tensor in training.average.values.items():
            found[f"average/{name}"] = files.to_vqkit(name, tensor)
    return found


def losses_of(project, given, steps):
    training = started(project)
    losses, replaced = [], 0
    for step in range(1, steps + 1):
        pixels, drawn = of_step(given, step)
        passes, figures = training.gradients([pixels], step, [drawn])
        outcome = training.update(passes, figures, step)
        losses.append(outcome.figures["totalLoss"])
        replaced += outcome.figures.get("replacedCodes", 0)
    return {"losses": torch.tensor(losses), "replaced": torch.tensor([float(replaced)])}


def main():
    for folder in sorted(pathlib.Path(sys.argv[2]).iterdir()):
        given = load_file(folder / "given.safetensors")
        steps = sum(name.startswith("pixels/") for name in given)
        found = first_step(folder / "project", given) | losses_of(folder / "project", given, steps)
        save_file({name: value.contiguous() for name, value in found.items()}, folder / "found.safetensors")


main()
