"""Where a training stands, to be resumed: written whole by the first rank, read by all."""

import re

import torch

from .files import write_whole

NAME = re.compile(r"step-(\d+)\.pt$")
KEPT = 2


def save(folder, step, training, progress):
    """progress: what else is to be kept, of plain values and tensors."""
    content = {
        "step": step,
        "model": {name: tensor.detach() for name, tensor in training.state.items()},
        "optimizer": training.optimizer.inner.state_dict(),
        "average": None if training.average is None else training.average.values,
        "scaler": training.scaler.state_dict(),
        "config": training.config,
        "progress": progress,
    }
    write_whole(folder / f"step-{step:08d}.pt", lambda temporary: torch.save(content, temporary))
    for _, path in all_of(folder)[:-KEPT]:
        path.unlink()


def newest(folder, device):
    """The newest checkpoint's content; None without one."""
    found = all_of(folder)
    return torch.load(found[-1][1], map_location=device, weights_only=True) if found else None


def all_of(folder):
    """Steps and paths, the newest last."""
    matches = [(NAME.search(path.name), path) for path in folder.glob("step-*.pt")] if folder.is_dir() else []
    return sorted((int(match[1]), path) for match, path in matches if match)


@torch.no_grad()
def restore(training, content):
    """Brings a training to where the checkpoint was made. Returns what was kept besides."""
    for name, value in content["model"].items():
        training.state[name].copy_(value)
    training.optimizer.inner.load_state_dict(content["optimizer"])
    if training.average is not None:
        for name, value in content["average"].items():
            training.average.values[name].copy_(value)
    training.scaler.load_state_dict(content["scaler"])
    return content["progress"]
