"""Each quantizer against the values that tools/quantizer_values.py computed in float64 from the papers' formulas."""

import json
import re
import unittest
from pathlib import Path

import torch

from vqkit_torch.quantizers import create
from vqkit_torch.quantizers.estimators import ESTIMATORS

CASES = json.loads((Path(__file__).parents[2] / "tests" / "quantizers" / "values.json").read_text())
DEFAULTS = {
    "codebook": "free",
    "gradient": "straight-through",
    "initialization": "normal",
    "commitmentWeight": 0.25,
    "emaDecay": 0.99,
    "softmaxTemperature": 1,
    "gumbelStart": 1,
    "gumbelEnd": 0.0625,
    "gumbelSteps": 10000,
    "bound": "paper",
    "noiseDropout": 0,
    "quantizeRate": 0,
    "spreadWeight": 1,
    "entropyWeight": 0.1,
    "diversityWeight": 1,
    "temperature": 0.01,
    "entropyTemperature": 0.01,
    "bitsTogether": None,
}


def resolved(case):
    config = {**DEFAULTS, **case["config"]}
    if config["kind"] == "bsq":
        config = {**config, "temperature": case["config"].get("temperature", 1)}
    config["bitsTogether"] = config["bitsTogether"] or (1 if config["kind"] == "bsq" else config.get("codeDim"))
    if config["kind"] == "vq":
        config["entropyWeight"] = case["config"].get("entropyWeight", 0)
        if config["codebook"] not in ("ema-sphere", "frozen"):
            config["codebookWeight"] = 1
    return config


class Values(unittest.TestCase):
    def close(self, got, wanted, what, least=1e-3):
        wanted = torch.tensor(wanted, dtype=torch.float64).reshape(got.shape)
        tolerance = 1e-5 * max(float(wanted.abs().max()), least)
        self.assertLess(float((got.detach().double() - wanted).abs().max()), tolerance, what)

    def gradients(self, of, expected, z, state, what):
        inputs = [z, *(value for value in state.values() if value.requires_grad)]
        found = torch.autograd.grad(of, inputs, retain_graph=True, allow_unused=True) if of.requires_grad else []
        found = [torch.zeros_like(x) if g is None else g for g, x in zip(found or [None] * len(inputs), inputs)]
        self.close(found[0], expected["latents"], f"{what} at the latents")
        names = [name for name, value in state.items() if value.requires_grad]
        for name, gradient in zip(names, found[1:]):
            self.close(gradient, expected["variables"][name], f"{what} at {name}")

    def check(self, case):
        quantizer = create(resolved(case))
        state = {name.replace(".", "/"): value for name, value in quantizer.state_dict(keep_vars=True).items()}
        self.assertEqual(set(state), set(case["variables"]))
        with torch.no_grad():
            for name, value in state.items():
                value.copy_(torch.tensor(case["variables"][name]))
        z = torch.tensor([[case["latents"]]]).requires_grad_()
        drawn = {re.sub("([A-Z])", lambda m: "_" + m[1].lower(), name): torch.tensor(value) for name, value in case["inputs"].items()}
        quantized, indices, losses = quantizer(z, drawn or None)
        self.assertEqual(indices.flatten().tolist(), case["indices"])
        self.close(quantized, case["quantized"], "quantized")
        self.assertEqual(set(losses), set(case["losses"]))
        weights = torch.tensor(case["weights"]).reshape(quantized.shape)
        self.gradients((weights * quantized).sum(), case["quantizedGradient"], z, state, "the gradient of the codes")
        for name, loss in losses.items():
            self.close(loss, case["losses"][name]["value"], f"the {name} loss", 1)
            self.gradients(loss, case["losses"][name], z, state, f"the gradient of the {name} loss")

    def test_all(self):
        self.assertGreater(len(CASES), 20)
        for case in CASES:
            if case["config"].get("gradient", "straight-through") not in ESTIMATORS:
                continue  # refused at export
            with self.subTest(case["name"]):
                self.check(case)


if __name__ == "__main__":
    unittest.main()
