"""How far a reconstruction is from its image. All are means over every element, of pixels in -1..1, [N, C, H, W]."""

import torch
from torch.nn import functional as F

WINDOW = 11
SIGMA = 1.5
RANGE = 2.0  # images span -1..1
C1, C2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
SCALE_WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
LEAST = 1e-3  # of a mean under a fractional power


def l1(x, y, config):
    return (y - x).abs().mean()


def l2(x, y, config):
    return (y - x).square().mean()


def huber(x, y, config):
    """d²/2 up to δ = `huberDelta`, δ(|d| − δ/2) beyond."""
    error = (y - x).abs()
    inner = error.clamp_max(config["huberDelta"])
    return (inner * (error - inner * 0.5)).mean()


def ssim(x, y, config):
    """1 − mean structural similarity: an 11×11 Gaussian window, σ = 1.5, each channel by itself."""
    luminance, structure = similarity(as_maps(x), as_maps(y))
    return 1 - (luminance * structure).mean()


def ms_ssim(x, y, config):
    """1 − MS-SSIM at as many of its five scales as the image holds, with their weights over their sum."""
    x, y = as_maps(x), as_maps(y)
    weights = scale_weights(min(x.shape[2:]))
    product = 1.0
    for scale, weight in enumerate(weights):
        if scale > 0:
            x, y = halved(x), halved(y)
        luminance, structure = similarity(x, y)
        similar = luminance * structure if scale == len(weights) - 1 else structure
        product = product * similar.mean((1, 2, 3)).clamp_min(LEAST) ** weight
    return 1 - product.mean()


def scale_weights(side):
    count = 1
    while count < len(SCALE_WEIGHTS) and -(-side // 2) >= WINDOW:
        side, count = -(-side // 2), count + 1
    taken = SCALE_WEIGHTS[:count]
    return [weight / sum(taken) for weight in taken]


def halved(maps):
    """Means of 2×2; an odd last row or column counts twice."""
    padded = F.pad(maps, (0, maps.shape[3] % 2, 0, maps.shape[2] % 2), mode="replicate")
    return F.avg_pool2d(padded, 2)


def as_maps(images):
    return images.reshape(-1, 1, *images.shape[2:])


def similarity(x, y):
    """The two factors of SSIM of maps [M, 1, H, W]: luminance, and contrast with structure."""
    mean_x, mean_y, xx, yy, xy = blurred(torch.cat([x, y, x * x, y * y, x * y])).chunk(5)
    variances = xx + yy - (mean_x.square() + mean_y.square())
    covariance = xy - mean_x * mean_y
    light_x, light_y = mean_x + RANGE / 2, mean_y + RANGE / 2  # from black
    luminance = (2 * light_x * light_y + C1) / (light_x.square() + light_y.square() + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def blurred(maps):
    """The Gaussian window along the rows, then down the columns; only windows inside the image."""
    places = torch.arange(WINDOW, dtype=torch.float64) - (WINDOW - 1) / 2
    window = torch.exp(-places.square() / (2 * SIGMA**2))
    window = (window / window.sum()).to(maps)
    return F.conv2d(F.conv2d(maps, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))


def sobel(x, y, config):
    """Mean |S(x − y)| over both directions, S Sobel's filter over 8."""
    maps = as_maps(y - x)
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).to(maps)
    filters = torch.stack([across, across.T])[:, None]
    return F.conv2d(maps, filters).abs().mean() / 8


TERMS = {"l1": l1, "l2": l2, "huber": huber, "ssim": ssim, "msSsim": ms_ssim, "sobel": sobel}


def reconstruction_terms(config, x, y):
    """The losses that have a weight, by name: (value, weight)."""
    weighted = {name: weight for name, weight in config.items() if name != "huberDelta" and weight > 0}
    return {name: (TERMS[name](x, y, config), weight) for name, weight in weighted.items()}


def all_terms(config, quantizer, pixels, passed):
    """Everything that a step minimises, by name: (value before its weight, weight)."""
    terms = reconstruction_terms(config["loss"], pixels, passed.reconstruction)
    return terms, {name: (value, quantizer.loss_weights[name]) for name, value in passed.losses.items()}
