"""Trains a project that `vqkit export --to pytorch` wrote.

    python train.py --data IMAGES                                  # one process
    torchrun --nproc-per-node 8 train.py --data IMAGES             # eight GPUs of one machine
    torchrun --nnodes 4 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29500 train.py --data IMAGES

config.json says how. Its `batchSize` is that of all ranks together, so that the number of GPUs changes nothing but the time.
What comes out lies in run/: metrics.jsonl, checkpoints, and at the end model.safetensors, which `vqkit import .` takes.
"""

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median

import torch
import torch.distributed as dist

from . import checkpoints, data, ranks
from .files import build, load_weights, read_project, save_weights, write_json
from .step import PRECISIONS, TrainingStep
from .streams import Stream
from .usage import UsageMeter


class NonFiniteError(Exception):
    """A loss or a gradient is not finite."""


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", metavar="IMAGES", help="folders of images, or images")
    parser.add_argument("--project", type=Path, default=Path("."), help="folder of config.json and model.safetensors")
    parser.add_argument("--out", type=Path, help="folder to write (default: run/ in the project)")
    parser.add_argument("--resume", action="store_true", help="continue from the newest checkpoint in the folder")
    parser.add_argument("--steps", type=int, help="instead of the configuration's")
    parser.add_argument("--batch-size", type=int, help="images of a part of a step, on all ranks together")
    parser.add_argument("--accumulate", type=int, help="parts of a step whose gradients are averaged")
    parser.add_argument(
        "--precision",
        choices=[*PRECISIONS, "tf32"],
        default="fp32",
        help="of the networks; tf32 rounds the factors of products on GPUs",
    )
    parser.add_argument("--workers", type=int, default=4, help="processes that decode images, for each rank; 0 is none")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(argv)


def main(argv=None):
    options = arguments(argv)
    device = join_ranks(options.device)
    try:
        allow_tf32 = options.precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allow_tf32
        precision = "fp32" if allow_tf32 else options.precision
        project = read_project(options.project / "config.json")
        config = with_options(project["config"], options)
        train(project, config, options, device, precision)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def join_ranks(kind):
    """Joins the processes that torchrun started. Returns the device of this one."""
    device = torch.device(kind, int(os.environ.get("LOCAL_RANK", 0))) if kind == "cuda" else torch.device("cpu")
    if kind == "cuda":
        torch.cuda.set_device(device)
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    return device


def with_options(config, options):
    """The configuration with what the command line says otherwise."""
    given = {"steps": options.steps, "batchSize": options.batch_size, "accumulate": options.accumulate}
    config = config | {name: value for name, value in given.items() if value is not None}
    images = options.data or config["data"].get("images")
    if images is None:
        raise data.DataError("--data: expected a folder of images, got none.")
    return config | {"data": config["data"] | {"images": images}}


def train(project, config, options, device, precision):
    out = options.out or options.project / "run"
    folder = out / "checkpoints"
    found_files = data.find_images(config["data"]["images"])
    files, held_out = data.split_files(found_files, config["data"]["heldOut"], split_seed(config))
    model = build(config).to(device)
    load_weights(model, options.project / "model.safetensors")
    found = checkpoints.newest(folder, device) if options.resume else None
    if found is None and not options.resume and checkpoints.all_of(folder):
        raise data.DataError(f"{out}: expected no training there, got one. Add --resume, or choose another --out.")
    if found is None and project["initialize"]:
        initialize(model, files, config, device)
    training = TrainingStep(model, config, precision)
    run = Run(training, config, files, out)
    done = 0 if found is None else run.restore(found)
    tell(f"{len(files)} images, {ranks.count()} ranks, {device.type} {precision}, step {done} of {config['steps']}")
    run.go(data.batches(files, config, done + 1, config["steps"], options.workers), done, device)
    run.finish({**ranks_facts(device, options.precision), "files": data.files_digest(files, held_out)})


def split_seed(config):
    own = config["data"]["splitSeed"]
    return config["seed"] if own is None else own


@torch.no_grad()
def initialize(model, files, config, device):
    """Sets the codebook from the latents of the first batches, as many as it asks for."""
    wanted = model.quantizer.latents_for_initialization
    if wanted == 0:
        return
    tell(f"the codebook is set from {wanted} latents or more")
    parts, found = [], 0
    for images in data.batches(files, config, 1, 10**9):
        rows = model.encode(data.to_pixels(images, device)).reshape(-1, model.quantizer.code_dim)
        parts.append(rows)
        found += len(rows) * ranks.count()
        if found >= wanted and len(parts) % config["accumulate"] == 0:
            break
    model.quantizer.initialize(torch.cat(parts), Stream(config["seed"], "initialization"), len(parts))


class Run:
    """A training and the folder that it writes."""

    def __init__(self, training, config, files, out):
        self.training, self.config, self.files, self.out = training, config, files, out
        self.usage = UsageMeter(config["usageWindow"])
        self.images_of_step = config["batchSize"] * config["accumulate"]
        self.seconds, self.rates, self.skipped = 0.0, [], 0
        self.log = out / "metrics.jsonl"

    def go(self, batches, done, device):
        """Makes the steps that are left."""
        if done == 0 and ranks.own() == 0:
            self.out.mkdir(parents=True, exist_ok=True)
            self.log.write_text("")
        step, parts, asked = done, [], time.perf_counter()
        for images in batches:
            parts.append(data.to_pixels(images, device))
            if len(parts) < self.config["accumulate"]:
                continue
            step += 1
            outcome = self.training.run(parts, step)
            parts = []
            now = time.perf_counter()
            self.seconds, seconds, asked = self.seconds + now - asked, now - asked, now
            self.rates.append(self.images_of_step / seconds)
            self.record(step, outcome)
            every = self.config["checkpointEvery"]
            if step == self.config["steps"] or (every is not None and step % every == 0):
                self.save(step)

    def record(self, step, outcome):
        """Writes a line of metrics where one is due."""
        figures, event = dict(outcome.figures), {}
        if outcome.is_finite:
            self.skipped = 0
            epoch = (step - 1) * self.images_of_step // len(self.files)
            figures |= self.usage.add(outcome.counts, epoch)
        else:
            event = self.not_finite(step, figures)
        figures |= {"imagesPerSecond": self.rates[-1], "elapsedSeconds": self.seconds, **event}
        is_due = step in (1, self.config["steps"]) or step % self.config["logEvery"] == 0 or event
        if ranks.own() == 0 and is_due:
            finite = {name: value if is_number(value) else None for name, value in figures.items()}
            with open(self.log, "a") as file:
                file.write(json.dumps(finite, separators=(",", ":")) + "\n")
        if step == 1 or step % 50 == 0 or event:
            tell(f"step {step}: loss {figures['totalLoss']:.5f}, {self.rates[-1]:.1f} images/s")

    def not_finite(self, step, figures):
        """A step that changed nothing. Lowering the scale of fp16's gradients is no failure."""
        self.skipped += 1
        bad = next(name for name, value in figures.items() if not is_number(value))
        is_scaled = self.training.scaler.is_enabled()
        if (self.config["onNan"] == "stop" and not is_scaled) or self.skipped > 10:
            raise NonFiniteError(f"step {step}: expected finite numbers, got {bad} {figures[bad]}.")
        return {"nonFinite": bad, "skipped": True}

    def save(self, step):
        if ranks.own() == 0:
            progress = {"usage": self.usage.state(), "seconds": self.seconds, "skipped": self.skipped}
            checkpoints.save(self.out / "checkpoints", step, self.training, progress)

    def restore(self, content):
        """Continues from a checkpoint; lines of metrics behind it go. Returns its step."""
        progress = checkpoints.restore(self.training, content)
        self.usage.restore(progress["usage"])
        self.seconds, self.skipped = progress["seconds"], progress["skipped"]
        if ranks.own() == 0:
            lines = self.log.read_text().splitlines(keepends=True) if self.log.exists() else []
            whole = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= content["step"]]
            self.log.write_text("".join(whole))
        return content["step"]

    def finish(self, facts):
        """Writes the weights that vqkit takes back: the averaged ones where there are some."""
        if ranks.own() != 0:
            return
        training = self.training
        state = training.state if training.average is None else training.average.values
        save_weights(state, self.config, self.out / "model.safetensors")
        rate = median(self.rates) if self.rates else None
        figures = {"steps": self.config["steps"], "imagesPerSecond": rate, "seconds": self.seconds}
        content = {"format": "vqkit-pytorch-run", "formatVersion": 1, **figures, "trainFiles": len(self.files), **facts}
        write_json(content | {"weightAverage": training.average is not None}, self.out / "training.json")
        tell(f"written: {self.out}")


def ranks_facts(device, precision):
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {"torch": torch.__version__, "ranks": ranks.count(), "device": name, "precision": precision}


def is_number(value):
    """Whether a figure is what JSON can hold."""
    return not isinstance(value, float) or abs(value) < float("inf")


def tell(line):
    if ranks.own() == 0:
        print(line, flush=True)


if __name__ == "__main__":
    main()
