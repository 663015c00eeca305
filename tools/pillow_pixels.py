"""Reads pictures with Pillow: the name of a file a line on stdin; for each a line of JSON on stdout, and behind it, where
the file could be read, its height * width * 3 bytes: first frame, turned as EXIF says, in sRGB by its profile, on white,
8 bits."""

import io
import json
import sys
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps

warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = 64_000_000


def pixels(file):
    with Image.open(file) as image:
        image.load()
        kind, mode, profile = image.format, image.mode, image.info.get("icc_profile")
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
        elif image.mode in ("I", "F"):
            raise ValueError(f"samples of type {image.mode}")
        if profile and image.mode in ("L", "RGB", "RGBA", "CMYK"):
            image = to_srgb(image, profile)
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        return kind, mode, np.asarray(white.convert("RGB"))


def to_srgb(image, profile):
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image  # as readers do with a profile that cannot be applied


for line in sys.stdin:
    try:
        kind, mode, rgb = pixels(line.rstrip("\n"))
        head = {"format": kind, "mode": mode, "height": rgb.shape[0], "width": rgb.shape[1]}
    except Exception as error:  # noqa: BLE001, whatever a reader raises, the file is refused
        head, rgb = {"error": f"{type(error).__name__}: {error}".split("\n")[0]}, None
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    if rgb is not None:
        sys.stdout.buffer.write(rgb.tobytes())
    sys.stdout.buffer.flush()
