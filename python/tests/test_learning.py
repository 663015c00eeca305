import math
import unittest

import torch

from vqkit_torch.learning import Optimizer, WeightAverage, learning_rate

from .models import RUN


class Schedule(unittest.TestCase):
    def rate(self, step, **changes):
        return learning_rate(step, {**RUN, "learningRate": 1.0, "warmupSteps": 4, "steps": 14, **changes})

    def test_rises_and_falls(self):
        self.assertEqual(self.rate(1), 0.25)
        self.assertEqual(self.rate(4), 1.0)
        # Half of the way down: f + (1 − f)/2 with f = 0.1.
        self.assertAlmostEqual(self.rate(9), 0.55)
        self.assertAlmostEqual(self.rate(14), 0.1)
        self.assertAlmostEqual(self.rate(20), 0.1)
        self.assertAlmostEqual(self.rate(6, schedule="linear"), 1 - 0.9 * 0.2)
        self.assertEqual(self.rate(12, schedule="constant"), 1.0)


class Adam(unittest.TestCase):
    def test_two_steps_by_hand(self):
        """m̂/(√v̂ + ε) of two gradients, with an L2 decay of kernels alone and half the rate for the decoder."""
        kernel = torch.nn.Parameter(torch.full((1, 1, 1, 1), 2.0))
        bias = torch.nn.Parameter(torch.tensor([1.0]))
        config = {**RUN, "learningRate": 0.1, "schedule": "constant", "gradientClip": None}
        config["optimizer"] = {**RUN["optimizer"], "weightDecay": 0.5}
        config["partLearningRates"] = {"decoder": 0.05}
        optimizer = Optimizer({"encoder/a/kernel": kernel, "decoder/a/bias": bias}, config)
        wanted, m, v = [2.0, 1.0], [0.0, 0.0], [0.0, 0.0]
        for step, gradients in enumerate([(0.5, -2.0), (-1.0, 1.0)], start=1):
            kernel.grad, bias.grad = torch.full((1, 1, 1, 1), gradients[0]), torch.tensor([gradients[1]])
            optimizer.clip()
            optimizer.set_rates(step)
            optimizer.inner.step()
            for i, rate in enumerate((0.1, 0.05)):
                g = gradients[i] + (0.5 * wanted[i] if i == 0 else 0)
                m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g * g
                change = m[i] / (1 - 0.9**step) / (math.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
                wanted[i] -= rate * change
        self.assertAlmostEqual(kernel.item(), wanted[0], places=5)
        self.assertAlmostEqual(bias.item(), wanted[1], places=5)

    def test_clips_the_global_norm(self):
        a, b = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))
        optimizer = Optimizer({"encoder/a": a, "encoder/b": b}, {**RUN, "gradientClip": 6.5})
        a.grad, b.grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
        self.assertEqual(optimizer.clip().item(), 13)
        self.assertEqual([*a.grad.tolist(), *b.grad.tolist()], [1.5, 2.0, 6.0])
        optimizer.clip()  # within the limit now: not a bit changes
        self.assertEqual([*a.grad.tolist(), *b.grad.tolist()], [1.5, 2.0, 6.0])

    def test_forgets_rows(self):
        codes = torch.nn.Parameter(torch.ones(3, 2))
        optimizer = Optimizer({"quantizer/codes": codes}, RUN)
        codes.grad = torch.ones(3, 2)
        optimizer.inner.step()
        optimizer.forget("quantizer/codes", torch.tensor([False, True, False]))
        moments = optimizer.inner.state[codes]["exp_avg"]
        self.assertEqual(moments[1].tolist(), [0, 0])
        self.assertNotEqual(moments[2].tolist(), [0, 0])


class Average(unittest.TestCase):
    def test_forgets_the_first_weights_quickly(self):
        weight = torch.tensor([0.0])
        average = WeightAverage({"a": weight}, 0.9)
        weight.fill_(1.0)
        average.update(1)  # d = min(0.9, 2/11)
        self.assertAlmostEqual(average.values["a"].item(), 1 - 2 / 11, places=6)


if __name__ == "__main__":
    unittest.main()
