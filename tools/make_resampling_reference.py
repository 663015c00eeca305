"""Images resampled by Pillow, torchvision and PyTorch, for the protocols of evaluation.

Writes tests/data/resampling/reference.json: `python tools/make_resampling_reference.py`. Needs Pillow, numpy, torch and
torchvision. Images are made by a formula that the test has too; bytes are stored in base64, float32 likewise. `adm` is
this file's own reading of guided-diffusion's rule, on Pillow; TensorFlow 1's bilinear rule is written out in float64.
"""

import base64
import json
import os

import numpy
import torch
from PIL import Image
from torchvision import transforms

OUT = os.path.join(os.path.dirname(__file__), "..", "tests", "data", "resampling", "reference.json")


def image(height, width):
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    return ((37 * x + 91 * y + 53 * c + 7 * x * y + 3 * x * x * c) % 256).astype(numpy.uint8)


def packed(values):
    return base64.b64encode(numpy.ascontiguousarray(values).tobytes()).decode()


def pillow(pixels, size, kernel):
    return numpy.asarray(Image.fromarray(pixels).resize((size[1], size[0]), kernel))


def adm(pixels, side):
    while min(pixels.shape[:2]) >= 2 * side:
        pixels = pillow(pixels, (pixels.shape[0] // 2, pixels.shape[1] // 2), Image.BOX)
    scale = side / min(pixels.shape[:2])
    pixels = pillow(pixels, [round(length * scale) for length in pixels.shape[:2]], Image.BICUBIC)
    top, left = [(length - side) // 2 for length in pixels.shape[:2]]
    return pixels[top : top + side, left : left + side]


def torchvision_square(pixels, side):
    chain = [transforms.Resize(side, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(side)]
    return numpy.asarray(transforms.Compose(chain)(Image.fromarray(pixels)))


def floats(pixels, size):
    planes = [
        numpy.asarray(Image.fromarray(pixels[:, :, c].astype(numpy.float32), mode="F").resize(size[::-1], Image.BICUBIC))
        for c in range(3)
    ]
    return numpy.stack(planes, axis=2)


def centres(pixels, size):
    planes = torch.tensor(pixels).permute(2, 0, 1)[None].double()
    out = torch.nn.functional.interpolate(planes, size=size, mode="bilinear", align_corners=False)
    return out[0].permute(1, 2, 0).float().numpy()


def corners(pixels, size):
    def matrix(inputs, outputs):
        m = numpy.zeros((outputs, inputs))
        for i in range(outputs):
            at = i * inputs / outputs
            low = int(at)
            m[i, low] += 1 - (at - low)
            m[i, min(low + 1, inputs - 1)] += at - low
        return m

    rows, columns = matrix(pixels.shape[0], size[0]), matrix(pixels.shape[1], size[1])
    across = numpy.einsum("hwc,xw->hxc", pixels.astype(numpy.float64), columns)
    return numpy.einsum("yh,hxc->yxc", rows, across).astype(numpy.float32)


SIZES = [((75, 101), 16), ((101, 75), 16), ((13, 20), 16), ((33, 16), 16), ((40, 57), 16)]
FLOATS = [((20, 17), (29, 31)), ((31, 44), (12, 19))]
json.dump(
    {
        "squares": [
            {
                "from": size,
                "side": side,
                "adm": packed(adm(image(*size), side)),
                "torchvision": packed(torchvision_square(image(*size), side)),
            }
            for size, side in SIZES
        ],
        "floats": [
            {
                "from": size,
                "to": to,
                "bicubic": packed(floats(image(*size), to)),
                "centres": packed(centres(image(*size), to)),
                "corners": packed(corners(image(*size), to)),
            }
            for size, to in FLOATS
        ],
    },
    open(OUT, "w"),
)
