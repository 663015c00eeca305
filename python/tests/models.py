"""Configurations and models that the tests share."""

import torch

from vqkit_torch.files import build, state_of

VECTORS = {
    "kind": "vq",
    "codebookSize": 12,
    "codeDim": 5,
    "codebook": "free",
    "gradient": "straight-through",
    "initialization": "normal",
    "commitmentWeight": 0.25,
    "codebookWeight": 1,
}
AVERAGES = {**VECTORS, "codebook": "ema", "emaDecay": 0.9, "emaEpsilon": 1e-5}
REPLACING = {"replaceBelow": 0.6, "replaceEvery": 1, "replaceAfter": 0, "replaceDecay": 0.5}
ENTROPY = {"entropyWeight": 0.1, "diversityWeight": 1, "entropyTemperature": 0.5, "orthogonalWeight": 0.5}
BITS = {"commitmentWeight": 0.25, "entropyWeight": 0.1, "diversityWeight": 1, "temperature": 0.5}
DROPOUT = {"quantizerDropout": 0.5}

QUANTIZERS = {
    "vq": VECTORS | ENTROPY,
    "vq with replacement": VECTORS | REPLACING,
    "rotation": VECTORS | {"gradient": "rotation", "radialGradient": True},
    "reflection": VECTORS | {"gradient": "reflection"},
    "simvq": VECTORS | {"codebook": "linear", "linearBias": True},
    "averages": AVERAGES,
    "averages with replacement": AVERAGES | REPLACING,
    "sphere": VECTORS | {"codebook": "sphere"} | ENTROPY,
    "sphere averages": AVERAGES | {"codebook": "ema-sphere"} | REPLACING,
    "inner product, softmax": VECTORS
    | {"codebook": "inner-product", "gradient": "softmax", "softmaxTemperature": 1.0},
    "frozen": VECTORS | {"codebook": "frozen"},
    "bridge": VECTORS
    | {"codebook": "bridge", "bridgeGroup": 2, "bridgeWidth": 8, "bridgeDepth": 1, "bridgeHeads": 2},
    "diveq": VECTORS | {"gradient": "diveq", "noiseVariance": 0.01},
    "nsvq": VECTORS | {"gradient": "nsvq"},
    "gumbel-softmax": VECTORS
    | {"gradient": "gumbel-softmax", "gumbelStart": 1.0, "gumbelEnd": 0.1, "gumbelSteps": 10},
    "fsq": {"kind": "fsq", "levels": [5, 4, 3], "bound": "paper", "noiseDropout": 0},
    "fsq with noise": {"kind": "fsq", "levels": [5, 4, 3], "bound": "symmetric", "noiseDropout": 0.5},
    "fsp": {"kind": "fsp", "levels": [5, 4, 3], "quantizeRate": 0.5, "spreadWeight": 1},
    "lfq": {"kind": "lfq", "codeDim": 6, "bitsTogether": 4} | BITS,
    "bsq": {"kind": "bsq", "codeDim": 6, "bitsTogether": 1} | BITS,
    "residual": {"kind": "residual", "numQuantizers": 2, "quantizer": AVERAGES} | DROPOUT,
    "grouped": {"kind": "grouped", "groups": 2, "quantizer": AVERAGES},
    "residual fsq": {"kind": "residual-fsq", "levels": [5, 4, 3], "numQuantizers": 2} | DROPOUT,
    "multi-scale": {
        **{"kind": "multi-scale", "scales": [1, 2, 4], "phiRatio": 0.5, "phiCount": 2},
        **DROPOUT,
        "quantizer": AVERAGES,
    },
}

MODEL = {
    "layout": "strided",
    "downsamplingFactor": 4,
    "waveletPatch": 1,
    "baseWidth": 4,
    "inputWidth": None,
    "widthMultipliers": [1, 2],
    "residualBlocks": [0, 1],
    "decoderBlocks": [0, 1],
    "attentionStages": [],
    "decoderAttentionStages": [],
    "middleBlocks": 0,
    "middleAttention": False,
    "latentChannels": 6,
    "quantConvolution": "1x1",
    "activation": "relu",
    "groupNorm": True,
    "normGroups": 2,
    "normEpsilon": 1e-6,
    "decoderNorm": "group",
    "down": "4x4",
    "up": "nearest",
    "shortcut": "input",
    "encoderOutKernel": 1,
    "inputBias": True,
    "blockBias": True,
    "pixelRange": "-1..1",
    "decoder": True,
}

RUN = {
    "seed": 2,
    "steps": 10,
    "batchSize": 8,
    "accumulate": 1,
    "learningRate": 2e-3,
    "partLearningRates": {},
    "warmupSteps": 0,
    "schedule": "cosine",
    "finalLearningRateFraction": 0.1,
    "optimizer": {"kind": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0},
    "gradientClip": 1,
    "weightAverageDecay": None,
    "usageWindow": 5,
    "logEvery": 1,
    "checkpointEvery": None,
    "onNan": "stop",
    "freeze": [],
    "loss": {"l1": 0, "l2": 1, "huber": 0, "ssim": 0, "huberDelta": 1},
}


def config(quantizer, **changes):
    """A run of the smallest model with a quantizer, by its name above."""
    return {**RUN, "model": MODEL, "quantizer": QUANTIZERS[quantizer], **changes}


@torch.no_grad()
def filled(run, seed=5):
    """A model of seeded weights; tables hold what their names promise."""
    model = build(run)
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in state_of(model).items():
        if name.endswith(("counts", "shares")):
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        tensor.copy_(noise * (0.3 if tensor.ndim > 1 else 0.1) + (1 if name.endswith("scale") else 0))
    return model


def images(count, seed=1, side=16):
    """[count, 3, side, side] in -1..1, the same first ones however many there are."""
    made = [torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed * 1000 + i)) for i in range(count)]
    return torch.stack(made) * 2 - 1
