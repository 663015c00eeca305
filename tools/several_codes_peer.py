"""What vector-quantize-pytorch makes of latents, for a test of vqkit.

    python tools/several_codes_peer.py < cases.json

Reads tests/quantizers/composite/reference.json, gives ResidualVQ and ResidualFSQ the tables and latents there, and
prints the version, indices, quantized values and gradients of sum(weights * quantized) to the latents.
"""

import importlib.metadata
import json
import sys

import torch
from vector_quantize_pytorch import HierarchicalVQ, ResidualFSQ, ResidualVQ


def measured(module, case):
    latents = torch.tensor(case["latents"])
    shape = latents.shape
    rows = latents.reshape(shape[0], -1, shape[-1]).requires_grad_()
    quantized, indices = module(rows)[:2]
    weights = torch.tensor(case["weights"]).reshape(rows.shape)
    (slope,) = torch.autograd.grad((weights * quantized).sum(), rows)
    return {
        "indices": indices.reshape(*shape[:-1], -1).tolist(),
        "quantized": quantized.reshape(shape).tolist(),
        "gradient": slope.reshape(shape).tolist(),
    }


def residual(case, **options):
    tables = [torch.tensor(table) for table in case["parameters"]]
    size, dim = tables[0].shape
    module = ResidualVQ(dim=dim, codebook_size=size, num_quantizers=len(tables), rotation_trick=False, **options)
    for layer, table in zip(module.layers, tables):
        layer._codebook.embed.data.copy_(table[None])
    # Training mode has the gradients; a frozen codebook keeps the tables.
    return measured(lambda rows: module(rows, freeze_codebook=True), case)


def hierarchical(case, scales):
    """Resizes up bilinearly, where VAR is bicubic: from 1x1 and to the same size both are the same."""
    (table,) = [torch.tensor(each) for each in case["parameters"]]
    size, dim = table.shape
    options = dict(quant_resi=0.0, kmeans_init=False, accept_image_fmap=True, channel_first=False)
    module = HierarchicalVQ(dim=dim, codebook_size=size, scales=scales, **options).eval()
    module.vq._codebook.embed.data.copy_(table[None])
    latents = torch.tensor(case["latents"])
    quantized, indices, _ = module(latents)
    sequence = torch.cat([each.reshape(len(latents), -1) for each in indices], 1)
    return {"indices": sequence[:, None, :, None].tolist(), "quantized": quantized.tolist()}


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    fsq = cases["residualFsq"]
    module = ResidualFSQ(levels=fsq["levels"], num_quantizers=3, dim=len(fsq["levels"]))
    print(
        json.dumps(
            {
                "version": importlib.metadata.version("vector-quantize-pytorch"),
                "residual": residual(cases["residual"]),
                "residualWhole": residual(cases["residual"], quant_grad_frac=1.0),
                "residualFsq": measured(module, fsq),
                "multiScalePlain": hierarchical(cases["multiScalePlain"], [1, 5]),
            }
        )
    )
