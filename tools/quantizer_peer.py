"""What vector-quantize-pytorch makes of latents, for a test of vqkit.

    python tools/quantizer_peer.py < input.json

Reads latents [M, D], a table of codes [K, D], weights [M, D] and noise [M, D], and prints for each method that both have:
indices, quantized values, the gradient of sum(weights * quantized) to the latents and to the codes, and losses with
theirs. Of moving averages it prints the table after a step.
"""

import importlib.metadata
import json
import sys
from unittest import mock

import torch
from vector_quantize_pytorch import FSQ, LFQ, SimVQ, VectorQuantize
from vector_quantize_pytorch.finite_scalar_perturbation import FSP


def slopes(of, inputs):
    found = torch.autograd.grad(of, list(inputs.values()), retain_graph=True, allow_unused=True)
    return {name: None if slope is None else slope.tolist() for name, slope in zip(inputs, found)}


def measured(data, inputs, indices, quantized, losses):
    weighted = (torch.tensor(data["weights"]) * quantized.reshape(len(data["latents"]), -1)).sum()
    return {
        "indices": indices.flatten().tolist(),
        "quantized": quantized.reshape(len(data["latents"]), -1).tolist(),
        "gradients": slopes(weighted, inputs),
        "losses": {name: {"value": loss.item(), "gradients": slopes(loss, inputs)} for name, loss in losses.items()},
    }


def table(data, codes="codes", learns=True, **options):
    """VectorQuantize with this table, and no dead codes."""
    codes = torch.tensor(data[codes])
    if learns:
        options = {"learnable_codebook": True, "ema_update": False, **options}
    module = VectorQuantize(
        dim=codes.shape[1], codebook_size=len(codes), threshold_ema_dead_code=1e-9, commitment_weight=1.0, **options
    )
    module._codebook.embed.data.copy_(codes[None])
    module._codebook.embed_avg.data.copy_(codes[None])
    return module.train()


def vector(data, loss="commitment", **options):
    module = table(data, **options)
    latents = torch.tensor(data["latents"], requires_grad=True)
    noise = torch.tensor(data["noise"])
    with mock.patch("torch.randn_like", lambda like: noise.reshape(like.shape)):
        quantized, indices, total = module(latents[None])
    inputs = {"latents": latents}
    if options.get("learns", True):
        inputs["codes"] = module._codebook.embed
    found = measured(data, inputs, indices, quantized, {loss: total.sum()})
    for gradients in (found["gradients"], *(each["gradients"] for each in found["losses"].values())):
        gradients["codes"] = (gradients.get("codes") or [None])[0]
    return found


def averages(data):
    module = table(data, learns=False, decay=0.9, eps=1e-5, rotation_trick=False)
    module(torch.tensor(data["latents"])[None])
    return {"codes": module._codebook.embed[0].tolist()}


def linear(data):
    codes = torch.tensor(data["codes"])
    module = SimVQ(dim=codes.shape[1], codebook_size=len(codes), rotation_trick=False)
    module.frozen_codebook.copy_(codes)
    kernel = torch.tensor(data["kernel"])
    module.code_transform.weight.data.copy_(kernel.t())  # rows times kernel, as ours
    latents = torch.tensor(data["latents"], requires_grad=True)
    quantized, indices, loss = module(latents[None])
    inputs = {"latents": latents, "kernel": module.code_transform.weight}
    found = measured(data, inputs, indices, quantized, {"total": loss})
    for gradients in (found["gradients"], found["losses"]["total"]["gradients"]):
        slope = gradients["kernel"]
        gradients["kernel"] = slope and torch.tensor(slope).t().tolist()
    return found


def levels(data, **options):
    module = FSQ(levels=data["levels"], **options).train()
    latents = torch.tensor(data["latents"], requires_grad=True)
    quantized, indices = module(latents[None])
    return measured(data, {"latents": latents}, indices, quantized, {})


def perturbed(data):
    latents = torch.tensor(data["latents"], requires_grad=True)
    module = FSP(levels=data["levels"]).eval()
    quantized, indices, loss = module(latents)[:3]
    return measured(data, {"latents": latents}, indices, quantized, {"spread": loss})


def bits(data, **options):
    dim = len(data["latents"][0])
    module = LFQ(dim=dim, codebook_size=2**dim, commitment_loss_weight=0.25, entropy_loss_weight=0.1, **options)
    latents = torch.tensor(data["latents"], requires_grad=True)
    # Their softmax is of 2 z·c times this: that of −‖z − c‖² over its inverse.
    output, parts = module.train()(latents[None], inv_temperature=1.25, return_loss_breakdown=True)
    entropy = parts.per_sample_entropy - parts.batch_entropy
    found = measured(data, {"latents": latents}, output.indices, output.quantized, {"entropy": entropy})
    found["losses"]["commitment"] = {
        "value": parts.commitment.item(),
        "gradients": slopes(parts.commitment, {"latents": latents}),
    }
    return found


if __name__ == "__main__":
    data = json.load(sys.stdin)
    plain = dict(rotation_trick=False)
    results = {
        "straight-through": vector(data, **plain),
        "rotation": vector(data, rotation_trick=True),
        "diveq": vector(data, directional_reparam=True),
        "sphere": vector(data, codes="unitCodes", learns=False, use_cosine_sim=True, **plain),
        "moving averages": averages(data),
        "simvq": linear(data),
        "fsq": levels(data),
        "fsq, symmetric": levels(data, preserve_symmetry=True),
        "fsp": perturbed(data),
        "lfq": bits(data),
        "bsq": bits(data, spherical=True),
    }
    print(json.dumps({"version": importlib.metadata.version("vector-quantize-pytorch"), **results}))
