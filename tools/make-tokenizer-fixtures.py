"""Writes small tokenizers of each published family, and what each makes of two images: tests/import reads them.

usage: make-tokenizer-fixtures.py OUT [--only NAME] [--files]
       needs torch, numpy and safetensors; diffusers-* and janus, chameleon also diffusers and transformers; taming and ibq
       taming-transformers-rom1504 (--no-deps)

Where a library defines the family, its own modules compute; llamagen, maskgit, open-magvit2 and cosmos are computed by
the modules below, written from the layout that was published, and were held against the published code when they were
written. Indices are searched in double precision.

Weights follow from their names, see `formula`, so that without --files OUT/NAME.safetensors holds what was computed
alone, and in its metadata the names, shapes and ranges of the weights, and the configuration. With --files each
family is written in the form that it is published in: OUT/NAME/ with its weights, and expected.safetensors beside it.

    images   [2, 3, H, W] float32 in -1..1     (not square, exact in 8 bits)
    latents  [2, D, h, w] float32              what goes into the quantizer
    indices  [2, h, w]    int32
    margin   [2, h, w]    float32              distance to the second nearest code minus that to the nearest; for signs and
                                               levels, how far the nearest border is
    decoded  [2, 3, H, W] float32              from the indices alone; absent where there is no decoder
"""
import argparse, json, math, os, struct, warnings, zlib

warnings.filterwarnings("ignore")
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

# ---- weights by formula -------------------------------------------------------------------------------------------


def formula(name, shape, centre, spread):
    """centre + spread * (u - 1/2), with u in 0..1 from a hash of the name's CRC-32 and the place."""
    count = int(np.prod(shape, dtype=np.int64))
    with np.errstate(over="ignore"):
        h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(zlib.crc32(name.encode()))
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    values = centre + spread * (h.astype(np.float64) / 2**32 - 0.5)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def range_of(name, shape):
    if len(shape) > 1:
        return 0.0, math.sqrt(12 / np.prod(shape[1:]))
    return (1.0, 0.7) if "norm" in name and name.endswith("weight") else (0.0, 0.4)


def fill(model, ranges):
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            ranges.setdefault(name, range_of(name, tuple(tensor.shape)))
            state[name] = formula(name, tuple(tensor.shape), *ranges[name])
    model.load_state_dict(state)
    return model.eval()


def images(h, w):
    """Waves and a ramp, not symmetric."""
    g = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.linspace(0, 1, h), torch.linspace(0, 1, w), indexing="ij")
    out = torch.zeros(2, 3, h, w)
    for n in range(2):
        for c in range(3):
            for _ in range(5):
                fy, fx, p, a = torch.rand(4, generator=g).tolist()
                out[n, c] += a * torch.sin(12 * fy * y + 12 * fx * x + 6.28 * p)
            out[n, c] += (torch.rand(1, generator=g).item() - 0.5) * (x + 2 * y)
    return ((out / 2.5).clamp(-1, 1) + 1).mul(127.5).round().div(127.5).sub(1)


# ---- lookups ------------------------------------------------------------------------------------------------------


def rows(latents):
    return latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1]).double()


def two_nearest(scores, latents):
    two = scores.topk(2, largest=False)
    n, _, h, w = latents.shape
    return two.indices[:, 0].view(n, h, w), (two.values[:, 1] - two.values[:, 0]).view(n, h, w)


def nearest(latents, table):
    return two_nearest(torch.cdist(rows(latents), table.double()) ** 2, latents)


def on_sphere(latents, table):
    return two_nearest(torch.cdist(F.normalize(rows(latents), dim=-1), F.normalize(table.double(), dim=-1)) ** 2, latents)


def inner_product(latents, table):
    return two_nearest(-(rows(latents) @ table.double().t()), latents)


def codes_of(table, indices):
    return table[indices].permute(0, 3, 1, 2)


# ---- modules that no library of the index has ---------------------------------------------------------------------


class Path(nn.Module):
    """Modules under dotted names, applied in the order in which they were added."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def add(self, name, module):
        at = self
        *parents, leaf = name.split(".")
        for parent in parents:
            if not hasattr(at, parent):
                at.add_module(parent, nn.Module())
            at = getattr(at, parent)
        at.add_module(leaf, module)
        self.steps.append(module)

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return x


def norm(width):
    return nn.GroupNorm(32, width, eps=1e-6)


def conv3(a, b, **options):
    return nn.Conv2d(a, b, 3, padding=1, **options)


class Block(nn.Module):
    def __init__(self, a, b, bias=True, shortcut="input"):
        super().__init__()
        self.norm1, self.conv1, self.norm2, self.conv2 = norm(a), conv3(a, b, bias=bias), norm(b), conv3(b, b, bias=bias)
        self.of_output = shortcut == "output"
        if a != b:
            self.nin_shortcut = nn.Conv2d(b if self.of_output else a, b, 1, bias=bias)

    def forward(self, x):
        y = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        if hasattr(self, "nin_shortcut"):
            x = self.nin_shortcut(y if self.of_output else x)
        return x + y


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = norm(width)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(width, width, 1) for _ in range(4))

    def forward(self, x):
        y = self.norm(x)
        q, k, v = (f(y).flatten(2).transpose(1, 2) for f in (self.q, self.k, self.v))  # [N, HW, C]
        weights = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[2]), dim=-1)
        return x + self.proj_out((weights @ v).transpose(1, 2).reshape(x.shape))


class Down(nn.Module):
    """Zeros below and to the right, then a 3x3 of stride 2."""

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = conv3(width, width)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Mean(nn.Module):
    def forward(self, x):
        return F.avg_pool2d(x, 2)


class Nearest(nn.Module):
    def forward(self, x):
        return F.interpolate(x, scale_factor=2.0, mode="nearest")


def finish(path, width, channels, kernel=3):
    path.add("norm_out", norm(width))
    path.steps.append(nn.SiLU())
    path.add("conv_out", nn.Conv2d(width, channels, kernel, padding=kernel // 2))


def llamagen_network(ch, mult, n, z, d):
    """Levels `conv_blocks`, the decoder's from the smallest grid; attention at the last level."""
    model = nn.Module()
    encoder, decoder = Path(), Path()
    last = len(mult) - 1

    def middle(path, width):
        path.add("mid.0", Block(width, width))
        path.add("mid.1", Attention(width))
        path.add("mid.2", Block(width, width))

    encoder.add("conv_in", conv3(3, ch))
    width = ch
    for i, m in enumerate(mult):
        for j in range(n):
            encoder.add(f"conv_blocks.{i}.res.{j}", Block(width, ch * m))
            width = ch * m
            if i == last:
                encoder.add(f"conv_blocks.{i}.attn.{j}", Attention(width))
        if i != last:
            encoder.add(f"conv_blocks.{i}.downsample", Down(width))
    middle(encoder, width)
    finish(encoder, width, z)
    decoder.add("conv_in", conv3(z, width))
    middle(decoder, width)
    for k, m in enumerate(reversed(mult)):
        for j in range(n + 1):
            decoder.add(f"conv_blocks.{k}.res.{j}", Block(width, ch * m))
            width = ch * m
            if k == 0:
                decoder.add(f"conv_blocks.{k}.attn.{j}", Attention(width))
        if k != last:
            decoder.add(f"conv_blocks.{k}.upsample", Up(width))
    finish(decoder, width, 3)
    model.encoder, model.decoder = encoder, decoder
    model.quant_conv, model.post_quant_conv = nn.Conv2d(z, d, 1), nn.Conv2d(d, z, 1)
    return model


def maskgit_network(ch, mult, n, z):
    model = nn.Module()
    encoder, decoder = Path(), Path()
    block = lambda a, b: Block(a, b, bias=False, shortcut="output")
    encoder.add("conv_in", conv3(3, ch, bias=False))
    width = ch
    for i, m in enumerate(mult):
        for j in range(n):
            encoder.add(f"down.{i}.block.{j}", block(width, ch * m))
            width = ch * m
        if i != len(mult) - 1:
            encoder.steps.append(Mean())
    for j in range(n):
        encoder.add(f"mid.{j}", block(width, width))
    finish(encoder, width, z, kernel=1)
    decoder.add("conv_in", conv3(z, width))
    for j in range(n):
        decoder.add(f"mid.{j}", block(width, width))
    for i in reversed(range(len(mult))):
        for j in range(n):
            decoder.add(f"up.{i}.block.{j}", block(width, ch * mult[i]))
            width = ch * mult[i]
        if i != 0:
            decoder.steps.append(Nearest())
            decoder.add(f"up.{i}.upsample_conv", conv3(width, width))
    finish(decoder, width, 3)
    model.encoder, model.decoder = encoder, decoder
    return model


class DepthToSpace(nn.Module):
    """Channel (2*row + column)*C + c goes to (row, column) of channel c."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = conv3(width, 4 * width)

    def forward(self, x):
        n, c, h, w = x.shape
        return self.conv1(x).view(n, 2, 2, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c, 2 * h, 2 * w)


class Adaptive(nn.Module):
    """A norm whose scale and offset are linear in the deviation and the mean of the codes."""

    def __init__(self, z, width):
        super().__init__()
        self.gamma, self.beta, self.codes = nn.Linear(z, width), nn.Linear(z, width), None

    def forward(self, x):
        flat = self.codes.flatten(2)
        scale, offset = self.gamma((flat.var(-1) + 1e-6).sqrt()), self.beta(flat.mean(-1))
        return scale[:, :, None, None] * F.group_norm(x, 32, eps=1e-6) + offset[:, :, None, None]


def magvit_network(ch, mult, n, z):
    model = nn.Module()
    encoder, decoder = Path(), Path()
    block = lambda a, b: Block(a, b, bias=False)
    encoder.add("conv_in", conv3(3, ch, bias=False))
    width = ch
    for i, m in enumerate(mult):
        for j in range(n):
            encoder.add(f"down.{i}.block.{j}", block(width, ch * m))
            width = ch * m
        if i != len(mult) - 1:
            encoder.add(f"down.{i}.downsample", conv3(width, width, stride=2))
    for j in range(n):
        encoder.add(f"mid_block.{j}", block(width, width))
    finish(encoder, width, z, kernel=1)
    decoder.add("conv_in", conv3(z, width))
    for j in range(n):
        decoder.add(f"mid_block.{j}", block(width, width))
    for i in reversed(range(len(mult))):
        decoder.add(f"adaptive.{i}", Adaptive(z, width))
        for j in range(n):
            decoder.add(f"up.{i}.block.{j}", block(width, ch * mult[i]))
            width = ch * mult[i]
        if i != 0:
            decoder.add(f"up.{i}.upsample", DepthToSpace(width))
    finish(decoder, width, 3)
    model.encoder, model.decoder = encoder, decoder
    return model


class Haar(nn.Module):
    """Halves the grid: means and differences of 2x2, each a quarter of the sum, one band of all channels after another."""

    def forward(self, x):
        a, b, c, d = x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]
        # low and high along the width, then along the height; high is first minus second
        return torch.cat([a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d], dim=1) / 4


class InverseHaar(nn.Module):
    def forward(self, x):
        ll, lh, hl, hh = x.chunk(4, dim=1)
        out = x.new_zeros(x.shape[0], x.shape[1] // 4, 2 * x.shape[2], 2 * x.shape[3])
        out[..., ::2, ::2], out[..., ::2, 1::2] = ll + lh + hl + hh, ll + lh - hl - hh
        out[..., 1::2, ::2], out[..., 1::2, 1::2] = ll - lh + hl - hh, ll - lh - hl + hh
        return out


def cosmos_network(ch, mult, n, z, d, halvings):
    """48 channels after two wavelets; halved at the first levels only."""
    model = nn.Module()
    encoder, decoder = Path(), Path()

    def middle(path, width):
        path.add("mid.block_1", Block(width, width))
        path.add("mid.attn_1", Attention(width))
        path.add("mid.block_2", Block(width, width))

    encoder.steps += [Haar(), Haar()]
    encoder.add("conv_in", conv3(48, ch))
    width = ch
    for i, m in enumerate(mult):
        for j in range(n):
            encoder.add(f"down.{i}.block.{j}", Block(width, ch * m))
            width = ch * m
        if i < halvings:
            encoder.add(f"down.{i}.downsample", Down(width))
    middle(encoder, width)
    finish(encoder, width, z)
    decoder.add("conv_in", conv3(z, width))
    middle(decoder, width)
    for i in reversed(range(len(mult))):
        for j in range(n + 1):
            decoder.add(f"up.{i}.block.{j}", Block(width, ch * mult[i]))
            width = ch * mult[i]
        if i >= len(mult) - halvings:
            decoder.add(f"up.{i}.upsample", Up(width))
    finish(decoder, width, 48)
    decoder.steps += [InverseHaar(), InverseHaar()]
    model.encoder, model.decoder = encoder, decoder
    model.quant_conv, model.post_quant_conv = nn.Conv2d(z, d, 1), nn.Conv2d(d, z, 1)
    return model


# ---- families -----------------------------------------------------------------------------------------------------

FAMILIES = {}


def family(f):
    FAMILIES[f.__name__.replace("_", "-")] = f
    return f


class Result:
    def __init__(self, model, pixels, latents, found, decoded, ranges, config=None, save=None):
        self.model, self.pixels, self.latents, self.found = model, pixels, latents, found
        self.decoded, self.ranges, self.config, self.save = decoded, ranges, config, save


def with_codes(model, ranges, latents, size):
    """A table over the range of the latents, or all of them would fall on a few codes."""
    centre, spread = round(latents.mean().item(), 2), round(latents.std().item() * math.sqrt(12), 2)
    ranges["quantize.embedding.weight"] = (centre, spread)
    table = formula("quantize.embedding.weight", (size, latents.shape[1]), centre, spread)
    if not hasattr(model, "quantize"):
        model.quantize = nn.Module()
    model.quantize.embedding = nn.Embedding.from_pretrained(table)
    return table


def diffusers_model(size, **config):
    from diffusers import VQModel

    model = VQModel(in_channels=3, out_channels=3, act_fn="silu", **config)
    ranges = {}
    fill(model, ranges)
    pixels = images(*size)
    latents = model.encode(pixels).latents
    table = with_codes(model, ranges, latents, config["num_vq_embeddings"])
    found = nearest(latents, table)
    n, h, w = found[0].shape
    codes = model.quantize.get_codebook_entry(found[0].reshape(-1), (n, h, w, latents.shape[1]))
    decoded = model.decode(codes, force_not_quantize=True).sample
    kept = {k: v for k, v in model.config.items() if not k.startswith("_")}
    kept = {"_class_name": "VQModel", **{k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()}}
    return Result(model, pixels, latents, found, decoded, ranges, kept, lambda folder: model.save_pretrained(folder))


@family
def amused():
    return diffusers_model((48, 32), down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
                           block_out_channels=(16, 32, 48), layers_per_block=2, norm_num_groups=8, latent_channels=12,
                           vq_embed_dim=10, num_vq_embeddings=96, mid_block_add_attention=False)


@family
def diffusers_attention():
    return diffusers_model((32, 24), down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
                           up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"), block_out_channels=(32, 48), layers_per_block=1,
                           norm_num_groups=16, latent_channels=12, vq_embed_dim=6, num_vq_embeddings=128)


@family
def movq():
    return diffusers_model((32, 24), down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
                           up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"), block_out_channels=(32, 64), layers_per_block=1,
                           norm_num_groups=32, latent_channels=4, vq_embed_dim=4, num_vq_embeddings=200, norm_type="spatial")


@family
def janus():
    from transformers import JanusVQVAEConfig
    from transformers.models.janus.modeling_janus import JanusVQVAE

    config = JanusVQVAEConfig(embed_dim=8, num_embeddings=256, latent_channels=20, base_channels=32, channel_multiplier=[1, 1, 2], num_res_blocks=1)
    model, ranges = JanusVQVAE(config), {}
    fill(model, ranges)
    pixels = images(48, 32)
    latents = model.quant_conv(model.encoder(pixels))
    table = model.quantize.embedding.weight.data
    found = on_sphere(latents, table)
    decoded = model.decoder(model.post_quant_conv(codes_of(F.normalize(table, dim=-1), found[0])))
    return Result(model, pixels, latents, found, decoded, ranges, config.to_dict(), lambda folder: model.save_pretrained(folder))


@family
def chameleon():
    from transformers import ChameleonVQVAEConfig
    from transformers.models.chameleon.modeling_chameleon import ChameleonVQVAE

    config = ChameleonVQVAEConfig(embed_dim=20, num_embeddings=160, latent_channels=24, base_channels=32, channel_multiplier=[1, 2], num_res_blocks=2, resolution=32)
    model, ranges = ChameleonVQVAE(config), {}
    fill(model, ranges)
    pixels = images(32, 24)
    latents = model.quant_conv(model.encoder(pixels))
    table = with_codes(model, ranges, latents, 160)
    return Result(model, pixels, latents, nearest(latents, table), None, ranges, config.to_dict(), lambda folder: model.save_pretrained(folder))


def yaml_of(target, layout, **params):
    return {"model": {"target": target, "params": {**params, "ddconfig": layout}}}


def write_yaml(path, value, indent=0):
    with open(path, "a" if indent else "w") as f:
        for key, each in value.items():
            if isinstance(each, dict):
                f.write(" " * indent + f"{key}:\n")
                f.flush()
                write_yaml(path, each, indent + 2)
                f.seek(0, 2)
            else:
                f.write(" " * indent + f"{key}: {json.dumps(each)}\n")
                f.flush()


def lit_ema(state):
    """Lightning's running average: names without dots. The averages are the weights; what stands beside is others."""
    return {"model_ema.decay": torch.tensor(0.999), "model_ema.num_updates": torch.tensor(0), **{"model_ema." + k.replace(".", ""): v for k, v in state.items()}}


def lightning(model, config, name, average=False):
    def save(folder):
        os.makedirs(folder, exist_ok=True)
        state = {**model.state_dict(), "loss.discriminator.main.0.weight": torch.randn(8, 3, 4, 4), "loss.perceptual_loss.lin0.model.1.weight": torch.rand(1, 8, 1, 1)}
        if average:
            state = {**{k: v + 0.5 for k, v in state.items()}, **lit_ema(model.state_dict())}
        torch.save({"epoch": 3, "global_step": 1234, "state_dict": state, "optimizer_states": [{"state": {0: {"exp_avg": torch.randn(3)}}}]}, os.path.join(folder, name))
        write_yaml(os.path.join(folder, "config.yaml"), config)

    return save


def taming_like(layout, size, embed, lookup, target, average=False):
    from taming.modules.diffusionmodules.model import Decoder, Encoder

    model, ranges = nn.Module(), {}
    model.encoder, model.decoder = Encoder(**layout), Decoder(**layout)
    model.quant_conv, model.post_quant_conv = nn.Conv2d(layout["z_channels"], embed[1], 1), nn.Conv2d(embed[1], layout["z_channels"], 1)
    fill(model, ranges)
    pixels = images(*size)
    latents = model.quant_conv(model.encoder(pixels))
    table = with_codes(model, ranges, latents, embed[0])
    found = lookup(latents, table)
    decoded = model.decoder(model.post_quant_conv(codes_of(table, found[0])))
    config = yaml_of(target, layout, embed_dim=embed[1], n_embed=embed[0])
    return Result(model, pixels, latents, found, decoded, ranges, config, lightning(model, config, "last.ckpt", average))


@family
def taming():
    layout = dict(double_z=False, z_channels=24, resolution=32, in_channels=3, out_ch=3, ch=32, ch_mult=[1, 1, 2], num_res_blocks=2, attn_resolutions=[8], dropout=0.0)
    return taming_like(layout, (32, 32), (144, 16), nearest, "taming.models.vqgan.VQModel")


@family
def chameleon_original():
    """Meta's own checkpoint: taming's model with attention in the middle alone."""
    layout = dict(double_z=False, z_channels=24, resolution=32, in_channels=3, out_ch=3, ch=32, ch_mult=[1, 2], num_res_blocks=1, attn_resolutions=[], dropout=0.0)
    return taming_like(layout, (32, 24), (128, 20), nearest, "taming.models.vqgan.VQModel")


@family
def ibq():
    layout = dict(double_z=False, z_channels=24, resolution=32, in_channels=3, out_ch=3, ch=32, ch_mult=[1, 2], num_res_blocks=4, attn_resolutions=[16], dropout=0.0)
    result = taming_like(layout, (32, 32), (150, 24), inner_product, "src.IBQ.models.ibqgan.IBQ", average=True)
    return result


def llamagen_like(mult):
    model, ranges = llamagen_network(32, mult, 2, 28, 8), {}
    fill(model, ranges)
    side = 2 ** (len(mult) - 1)
    pixels = images(5 * side, 3 * side)
    latents = model.quant_conv(model.encoder(pixels))
    table = with_codes(model, ranges, latents, 256)
    found = on_sphere(latents, table)
    decoded = model.decoder(model.post_quant_conv(codes_of(F.normalize(table, dim=-1), found[0])))

    def save(folder):
        os.makedirs(folder, exist_ok=True)
        state = {**model.state_dict(), "quantize.codebook_used": torch.zeros(65536)}
        torch.save({"model": state}, os.path.join(folder, "vq.pt"))

    return Result(model, pixels, latents, found, decoded, ranges, None, save)


@family
def llamagen_vq16():
    return llamagen_like([1, 1, 2, 2, 3])


@family
def llamagen_vq8():
    return llamagen_like([1, 2, 2])


@family
def maskgit():
    model, ranges = maskgit_network(32, [1, 2, 2], 2, 24), {}
    fill(model, ranges)
    pixels = images(32, 24)
    latents = model.encoder((pixels + 1) / 2)  # it takes 0..1
    table = with_codes(model, ranges, latents, 100)
    found = nearest(latents, table)
    decoded = 2 * model.decoder(codes_of(table, found[0])) - 1

    def save(folder):
        os.makedirs(folder, exist_ok=True)
        torch.save(model.state_dict(), os.path.join(folder, "maskgit-vqgan.bin"))

    return Result(model, pixels, latents, found, decoded, ranges, None, save)


@family
def open_magvit2():
    model, ranges = magvit_network(32, [1, 2, 2], 2, 10), {}
    fill(model, ranges)
    pixels = images(32, 24)
    latents = model.encoder(pixels)
    bits = (latents > 0).long()
    place = (2 ** torch.arange(10)).view(1, 10, 1, 1)
    codes = bits.float() * 2 - 1
    for module in model.decoder.modules():
        if isinstance(module, Adaptive):
            module.codes = codes
    layout = dict(double_z=False, z_channels=10, resolution=32, in_channels=3, out_ch=3, ch=32, ch_mult=[1, 2, 2], num_res_blocks=2)
    config = {"model": {"class_path": "src.Open_MAGVIT2.models.lfqgan.VQModel", "init_args": {"ddconfig": layout, "n_embed": 1024, "embed_dim": 10}}}
    found = (bits * place).sum(1), latents.abs().amin(1)
    return Result(model, pixels, latents, found, model.decoder(codes), ranges, config, lightning(model, config, "imagenet.ckpt", average=True))


def cosmos_like(halvings):
    levels = torch.tensor([8, 8, 8, 5, 5, 5]).view(1, 6, 1, 1)
    model, ranges = cosmos_network(32, [2, 3, 3], 1, 20, 6, halvings), {}
    ranges["quant_conv.weight"] = (0.0, 2 * math.sqrt(12 / 20))
    fill(model, ranges)
    side = 4 * 2**halvings
    pixels = images(4 * side, 3 * side)
    latents = model.quant_conv(model.encoder(pixels))
    half = (levels - 1) * (1 + 1e-3) / 2
    offset = torch.where(levels % 2 == 0, 0.5, 0.0)
    bounded = (latents.double() + (offset / half).atanh()).tanh() * half - offset
    digits = bounded.round()
    basis = torch.cumprod(torch.tensor([1, 8, 8, 8, 5, 5]), 0).view(1, 6, 1, 1)
    indices = ((digits + levels // 2).long() * basis).sum(1)
    decoded = model.decoder(model.post_quant_conv((digits / (levels // 2)).float()))
    found = indices, (0.5 - (bounded - digits).abs()).amin(1)

    def save(folder):
        os.makedirs(folder, exist_ok=True)
        first, second = nn.Module(), nn.Module()
        first.encoder, first.quant_conv = model.encoder, model.quant_conv
        first.forward = lambda x: model.quant_conv(model.encoder(x))
        second.decoder, second.post_quant_conv = model.decoder, model.post_quant_conv
        second.forward = lambda z: model.decoder(model.post_quant_conv(z))
        torch.jit.trace(first, pixels).save(os.path.join(folder, "encoder.jit"))
        torch.jit.trace(second, latents).save(os.path.join(folder, "decoder.jit"))

    return Result(model, pixels, latents, found, decoded, ranges, None, save)


@family
def cosmos_di8():
    return cosmos_like(1)


@family
def cosmos_di16():
    return cosmos_like(2)


# ---- files --------------------------------------------------------------------------------------------------------


def tensors_of(result):
    indices, margin = result.found
    tensors = dict(images=result.pixels, latents=result.latents, indices=indices.int(), margin=margin.float())
    if result.decoded is not None:
        tensors["decoded"] = result.decoded
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def write(out, name, result, as_files):
    tensors = tensors_of(result)
    if as_files:
        folder = os.path.join(out, name)
        result.save(folder)
        save_file(tensors, os.path.join(folder, "expected.safetensors"))
    else:
        weights = {k: [list(v.shape), *result.ranges[k]] for k, v in result.model.state_dict().items() if v.is_floating_point()}
        notes = {"weights": json.dumps(weights)}
        if result.config is not None:
            notes["config"] = json.dumps(result.config)
        save_file(tensors, os.path.join(out, f"{name}.safetensors"), notes)
    indices, margin = result.found
    print(json.dumps(dict(name=name, codesUsed=indices.unique().numel(), positions=indices.numel(), smallestMargin=margin.min().item())))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--only")
    p.add_argument("--files", action="store_true")
    o = p.parse_args()
    os.makedirs(o.out, exist_ok=True)
    with torch.no_grad():
        for name, build in FAMILIES.items():
            if o.only in (None, name):
                torch.manual_seed(0)
                write(o.out, name, build(), o.files)


if __name__ == "__main__":
    main()
