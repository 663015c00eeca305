"""Images on disk as batches of crops: the same files, order, crops and flips as `vqkit train` with the same seed.

Images are decoded by Pillow here and by libvips there: pixels of a JPEG may differ by a step of 255, resized ones by more.
"""

import os
import re
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset, Sampler

from . import ranks
from .streams import Stream, digest

ENDING = re.compile(r"\.(?:jpg|jpeg|jpe|jfif|png|webp|avif|tif|tiff|gif)$", re.IGNORECASE)


class DataError(Exception):
    """In one line: where, what was expected, what was found."""


def find_images(sources):
    """Image files of folders (with their subfolders) and of files, absolute, sorted by code point; no hidden ones, no links."""
    found = set()
    for source in [sources] if isinstance(sources, str) else sources:
        path = Path(source).absolute()
        if path.is_dir():
            found.update(_walk(path))
        elif path.is_file():
            found.add(path.as_posix())
        else:
            raise DataError(f"{source}: expected a folder of images or an image, got nothing of that name.")
    if not found:
        raise DataError(f"{sources}: expected images, got none.")
    return sorted(found)


def _walk(folder):
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _walk(entry.path)
        elif ENDING.search(entry.name):
            yield Path(entry.path).as_posix()


def split_files(files, fraction, seed):
    """Files to train on, and those kept back for evaluation."""
    if fraction == 0 or len(files) < 2:
        return list(files), []
    count = min(len(files) - 1, max(1, int(fraction * len(files) + 0.5)))
    chosen = set(Stream(seed, "split").shuffled(files)[:count])
    return [file for file in files if file not in chosen], [file for file in files if file in chosen]


def files_digest(train, held_out):
    """Names the images of a training: their order and the split, without their folders."""
    names = [[Path(file).name for file in files] for files in (train, held_out)]
    return digest(*names).hex()


def decode(file, config):
    """8-bit RGB [H, W, 3]: upright, on white where it is transparent, resized as the configuration says."""
    with Image.open(file) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            rgba = image.convert("RGBA")
            image = Image.new("RGBA", rgba.size, "white")
            image.alpha_composite(rgba)
        image = image.convert("RGB")
    width, height = resized_size(image.size, config)
    if width * height > config["maxPixels"]:
        raise DataError(f"{file}: expected at most {config['maxPixels']} pixels, got {width * height}.")
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return numpy.asarray(image)


def resized_size(size, config):
    """The shorter side becomes `resize`; an image smaller than a crop is enlarged until it covers one."""
    width, height = size
    crop_height, crop_width = config["cropSize"]
    wanted = 1 if config["resize"] is None else config["resize"] / min(size)
    scale = max(wanted, crop_height / height, crop_width / width)
    rounded = (int(side * scale + 0.5) for side in size)
    return tuple(max(least, side) for least, side in zip((crop_width, crop_height), rounded))


class Crops(Dataset):
    """Training sample number s shows position s mod n of epoch s // n, n the number of files, by a crop of its own.

    Nothing depends on timing, on the number of ranks, or on where a run was resumed. Where a file cannot be read, the next
    of the epoch's order stands in, under the same crop.
    """

    def __init__(self, files, config, seed):
        self.files, self.config, self.seed = files, config, seed
        self.broken = set()
        self.order = (-1, [])

    def __getitem__(self, number):
        epoch, position = divmod(number, len(self.files))
        order = self.order_of(epoch)
        for tried in range(len(order)):
            image = self.image(order[(position + tried) % len(order)])
            if image is not None:
                return torch.from_numpy(self.crop(image, epoch, position))
        raise DataError(f"data.images: expected a readable image, got none among {len(order)}.")

    def order_of(self, epoch):
        if self.order[0] != epoch:
            self.order = (epoch, Stream(self.seed, "order", epoch).shuffled(self.files))
        return self.order[1]

    def image(self, file):
        if file in self.broken:
            return None
        try:
            return decode(file, self.config)
        except Exception as error:  # whatever a damaged file makes of a decoder
            self.broken.add(file)
            print(f"{file}: left out: {error}", flush=True)
            return None

    def crop(self, image, epoch, position):
        height, width = self.config["cropSize"]
        rows, columns = image.shape[0] - height, image.shape[1] - width
        stream = Stream(self.seed, "crop", epoch, position)
        top, left = stream.integer(rows + 1), stream.integer(columns + 1)
        is_mirrored = stream.next() < 0.5
        if self.config["crop"] == "center":
            top, left = rows // 2, columns // 2
        cut = image[top : top + height, left : left + width]
        return numpy.ascontiguousarray(cut[:, ::-1] if self.config["flip"] and is_mirrored else cut)


class OwnSamples(Sampler):
    """Batches of sample numbers for this rank, one for each part of each step. Every rank has an equal share of each part."""

    def __init__(self, config, first_step, last_step):
        self.parts, self.size = config["accumulate"], config["batchSize"]
        self.steps = range(first_step, last_step + 1)
        share, self.rest = divmod(self.size, ranks.count())
        if self.rest:
            raise DataError(f"batchSize: expected a multiple of the {ranks.count()} ranks, got {self.size}.")
        self.own = range(ranks.own() * share, (ranks.own() + 1) * share)

    def __iter__(self):
        for step in self.steps:
            for part in range(self.parts):
                start = ((step - 1) * self.parts + part) * self.size
                yield [start + place for place in self.own]

    def __len__(self):
        return len(self.steps) * self.parts


def batches(files, config, first_step, last_step, workers=0):
    """This rank's images, [n, H, W, 3] bytes for each part of each step."""
    return DataLoader(
        Crops(files, config["data"], config["seed"]),
        batch_sampler=OwnSamples(config, first_step, last_step),
        num_workers=workers,
        persistent_workers=False,
        pin_memory=torch.cuda.is_available(),
    )


def to_pixels(images, device):
    """Bytes [n, H, W, 3] → [n, 3, H, W] in -1..1: x/127.5 − 1, rounded once to float32."""
    values = images.to(device, non_blocking=True).permute(0, 3, 1, 2)
    return CENTRED.to(device)[values.long()]


CENTRED = (torch.arange(256, dtype=torch.float64) / 127.5 - 1).float()
