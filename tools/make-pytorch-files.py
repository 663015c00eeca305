"""Writes the small PyTorch files that tests/files/pytorch reads. Their values follow from their names, see `values`.

usage: make-pytorch-files.py OUT        (needs torch 2.1 or later and numpy)
"""
import collections, functools, io, os, pickle, struct, sys, warnings, zipfile

warnings.filterwarnings("ignore")
import torch

out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def values(*shape, dtype=torch.float32):
    """0, 0.5, 1, ... in row-major order; whole numbers for integers."""
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float64) / (2 if dtype.is_floating_point else 1)).reshape(shape).to(dtype)


def path(name):
    return os.path.join(out, name)


def state():
    shared = values(4, 3)
    return collections.OrderedDict(
        f64=values(2, 2, dtype=torch.float64), f32=values(2, 3), f16=values(3, dtype=torch.float16), bf16=values(3, dtype=torch.bfloat16),
        i64=values(3, dtype=torch.int64), i32=values(2, dtype=torch.int32), i16=values(2, dtype=torch.int16), i8=values(2, dtype=torch.int8),
        u8=values(2, dtype=torch.uint8), u16=values(3, dtype=torch.int32).to(torch.uint16), bool=torch.tensor([True, False, True]),
        turned=values(2, 3).t(), window=values(4, 6)[1:3, 2:6:2], channels_last=values(1, 2, 3, 2).contiguous(memory_format=torch.channels_last),
        first=shared[:2], second=shared[2:], parameter=torch.nn.Parameter(values(2)), scalar=torch.tensor(0.5), empty=torch.zeros(0, 3),
    )


torch.save({"state_dict": state(), "epoch": 3}, path("state.pt"))
old = {name: tensor for name, tensor in state().items() if name != "u16"}  # a type younger than this form
torch.save({"state_dict": old, "epoch": 3}, path("old-form.pt"), _use_new_zipfile_serialization=False)
torch.save(values(2, 3), path("tensor.pt"))


class AttributeDict(dict):
    """As Lightning keeps hyper-parameters: a dict whose class is its own."""


class Callback:
    def __init__(self):
        self.best = values(2)
        self.monitor = "val/loss"


def foreign():
    import numpy

    return {
        "state_dict": collections.OrderedDict(weight=values(2, 2), bias=values(2)), "pytorch-lightning_version": "1.0.8",
        "hyper_parameters": AttributeDict(lr=1e-4, args=Callback()), "callbacks": {Callback: {"best": numpy.float64(0.5)}},
        "lr_schedulers": [functools.partial(max, 1)], "numbers": {1, 2}, "big": 2**70, "bytes": b"\0\1", "complex": 1 + 2j,
    }


torch.save(foreign(), path("foreign.ckpt"))


class Command:
    """What a hostile file asks for; the marker shows whether it was done."""

    def __reduce__(self):
        return os.system, ("echo done > vqkit-pickle-was-run",)


torch.save({"state_dict": {"weight": values(2, 2)}, "other": Command()}, path("command.pt"))
torch.save({"state_dict": {"weight": values(2, 2), "bias": Command()}}, path("command-as-weight.pt"))


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3)
        self.parts = torch.nn.ModuleList([torch.nn.GroupNorm(1, 2)])
        with torch.no_grad():
            for each in self.parameters():
                each.copy_(values(*each.shape))

    def forward(self, x):
        return self.parts[0](self.conv(x))


torch.save(Block(), path("module.pt"))
torch.jit.trace(Block().eval(), torch.zeros(1, 1, 4, 4)).save(path("scripted.jit"))


def rewritten(name, target, compression=zipfile.ZIP_STORED, **changed):
    with zipfile.ZipFile(path(name)) as source, zipfile.ZipFile(path(target), "w", compression) as copy:
        for entry in source.namelist():
            content = changed.get(entry.split("/", 1)[1].replace("/", "_"), source.read(entry))
            if content is not None:
                copy.writestr(entry, content)


rewritten("tensor.pt", "deflated.pt", zipfile.ZIP_DEFLATED)
rewritten("tensor.pt", "big-endian.pt", byteorder=b"big")
rewritten("tensor.pt", "short-storage.pt", data_0=b"\0" * 8)
rewritten("tensor.pt", "no-storage.pt", data_0=None)
with zipfile.ZipFile(path("other.zip"), "w") as other:
    other.writestr("readme.txt", "no weights")
