"""Quantizers by their configurations. To add one: a file with a class, and a line here."""

from . import codebooks
from .base import Quantization, Quantizer
from .bits import BinarySpherical, LookupFree
from .bridge import Bridge
from .finite_scalar import FiniteScalar, FiniteScalarPerturbation
from .grouped import Grouped
from .members import member_configs
from .multi_scale import MultiScale
from .residual import Residual
from .residual_finite_scalar import ResidualFiniteScalar

CODEBOOKS = {
    "free": codebooks.Free,
    "ema": codebooks.MovingAverages,
    "linear": codebooks.Linear,
    "sphere": codebooks.Sphere,
    "inner-product": codebooks.InnerProduct,
    "ema-sphere": codebooks.SphereAverages,
    "frozen": codebooks.Frozen,
    "bridge": Bridge,
}


def _vector(config):
    return CODEBOOKS[config["codebook"]](config)


def _residual(config):
    return Residual(config, [create(each) for each in member_configs(config, config.get("numQuantizers"))])


def _grouped(config):
    return Grouped(config, [create(each) for each in member_configs(config, config.get("groups"))])


KINDS = {
    "vq": _vector,
    "rotation": _vector,
    "simvq": _vector,
    "fsq": FiniteScalar,
    "fsp": FiniteScalarPerturbation,
    "lfq": LookupFree,
    "bsq": BinarySpherical,
    "residual": _residual,
    "grouped": _grouped,
    "residual-fsq": ResidualFiniteScalar,
    "multi-scale": lambda config: MultiScale(config, create(config["quantizer"])),
}


def create(config) -> Quantizer:
    """The quantizer of a resolved configuration, with tables that a file fills."""
    return KINDS[config["kind"]](config)


__all__ = ["KINDS", "Quantization", "Quantizer", "create"]
