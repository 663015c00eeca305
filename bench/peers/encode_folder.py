"""The folder of JPEG files of bench/ours/encode-folder.mjs to indices on disk with PIL and PyTorch: same files and order,
same scaling (Lanczos to 256×256), layers of the encoder, batches and codebook.

usage: encode_folder.py [--loader threads|workers] [--device cpu] [--threads 2] [--repeats 3]

"threads" decodes ahead on two threads, "workers" in two processes of a DataLoader. Writes one .npy and a line an image.
"""

import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy
import torch
from PIL import Image
from torch.utils.data import DataLoader

from autoencoder import Autoencoder
from common import arguments, report, seconds
from quantizers import nearest

SIZE = 256
BATCH = 16
AHEAD = 2 * BATCH


def jpeg_folder():
    """Both sides take the files from one program, which makes them where they are missing."""
    script = os.path.join(os.path.dirname(__file__), "..", "lib", "jpeg-folder.mjs")
    return subprocess.run(["node", script], check=True, capture_output=True, text=True).stdout.strip()


def load(path):
    """Pixels [256, 256, 3], and the size of the file's own image."""
    with Image.open(path) as image:
        size = image.size
        image.draft("RGB", (SIZE, SIZE))  # the JPEG decoder scales by powers of two where enough remains, as libvips does
        pixels = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return numpy.asarray(pixels), size


class Files(torch.utils.data.Dataset):
    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return load(self.paths[index])


def collate(items):
    return numpy.stack([pixels for pixels, _ in items]), [size for _, size in items]


def batches_by_threads(paths):
    with ThreadPoolExecutor(2) as pool:
        pending = []
        done = []
        for path in paths:
            pending.append(pool.submit(load, path))
            if len(pending) > AHEAD:
                done.append(pending.pop(0).result())
            if len(done) == BATCH:
                yield collate(done)
                done = []
        for item in pending:
            done.append(item.result())
            if len(done) == BATCH:
                yield collate(done)
                done = []
        if done:
            yield collate(done)


def batches_by_workers(paths):
    return DataLoader(Files(paths), batch_size=BATCH, num_workers=2, collate_fn=collate)


def main():
    options = arguments(loader="threads", repeats=3)
    batches = {"threads": batches_by_threads, "workers": batches_by_workers}[options.loader]
    model = Autoencoder().to(options.device, memory_format=torch.channels_last)
    folder = jpeg_folder()
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    written = []

    @torch.inference_mode()
    def encode(index):
        grids, lines = [], []
        for pixels, sizes in batches(paths):
            images = torch.from_numpy(pixels).to(options.device).permute(0, 3, 1, 2)  # [N, 3, H, W], channels_last
            grid, rows = model.latents(images.float().div_(127.5).sub_(1))
            indices = nearest(rows, model.codebook).view(grid.shape[0], grid.shape[2], grid.shape[3], 1)
            grids.append(indices.cpu().numpy().astype(numpy.uint16))
            for width, height in sizes:
                name = os.path.basename(paths[len(lines)])
                lines.append(json.dumps(dict(name=name, width=width, height=height, row=len(lines))))
        codes = numpy.concatenate(grids)
        out = os.path.join(work, str(index))
        os.mkdir(out)
        numpy.save(os.path.join(out, "codes.npy"), codes)
        with open(os.path.join(out, "images.jsonl"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        written[:] = [codes.size]

    with tempfile.TemporaryDirectory() as work:
        durations = seconds(encode, options.repeats, warmup=1)
    parameters = sum(p.numel() for p in model.encoder.parameters()) + model.codebook.numel()
    speed = [len(paths) / s for s in durations]
    report({"speed": speed}, options.device, parameters=parameters, images=len(paths), indices=written[0])


if __name__ == "__main__":
    main()
