import tempfile
import unittest
from pathlib import Path

import torch

from vqkit_torch import checkpoints, data
from vqkit_torch.files import load_weights, save_weights, state_of
from vqkit_torch.step import TrainingStep
from vqkit_torch.streams import Stream

from .models import QUANTIZERS, config, filled, images


def batch_of(step):
    return images(8, seed=step)


class Steps(unittest.TestCase):
    def test_every_quantizer_learns(self):
        for name in QUANTIZERS:
            with self.subTest(name):
                run = config(name, steps=30)
                training = TrainingStep(filled(run), run)
                outcomes = [training.run([batch_of(1)], step) for step in range(1, 31)]
                losses = [each.figures["reconstructionLoss"] for each in outcomes]
                self.assertLess(losses[-1], 0.95 * losses[0])
                self.assertTrue(all(each.is_finite for each in outcomes))

    def test_evaluation_gives_the_codes_of_its_indices(self):
        for name in QUANTIZERS:
            with self.subTest(name), torch.no_grad():
                model = filled(config(name)).eval()
                latents = model.encode(batch_of(1))
                quantized, indices, _ = model.quantizer(latents)
                self.assertTrue(torch.equal(quantized, model.quantizer.codes_of(indices)))
                self.assertLess(int(indices.max()), model.quantizer.codebook_size)

    def test_accumulates_the_gradients_of_the_whole_batch(self):
        whole, parts = ({}, {})
        for found, accumulate in ((whole, 1), (parts, 4)):
            run = config("averages", accumulate=accumulate)
            training = TrainingStep(filled(run), run)
            training.run(list(batch_of(1).chunk(accumulate)), 1)
            found |= {name: tensor.detach().clone() for name, tensor in training.state.items()}
        for name, tensor in whole.items():
            torch.testing.assert_close(parts[name], tensor, rtol=0, atol=2e-5)

    def test_half_precision_keeps_weights_and_quantizer_whole(self):
        run = config("averages")
        training = TrainingStep(filled(run), run, "bf16")
        outcome = training.run([batch_of(1)], 1)
        self.assertTrue(outcome.is_finite)
        self.assertTrue(all(tensor.dtype == torch.float32 for tensor in training.state.values()))
        reference = TrainingStep(filled(run), run).run([batch_of(1)], 1)
        self.assertNotEqual(outcome.figures["totalLoss"], reference.figures["totalLoss"])
        self.assertAlmostEqual(outcome.figures["totalLoss"], reference.figures["totalLoss"], delta=0.05)

    def test_a_step_that_is_not_finite_changes_nothing(self):
        run = config("averages with replacement", weightAverageDecay=0.5)
        training = TrainingStep(filled(run), run)
        before = {name: tensor.detach().clone() for name, tensor in training.state.items()}
        outcome = training.run([batch_of(1) * float("nan")], 1)
        self.assertFalse(outcome.is_finite)
        for name, tensor in training.state.items():
            self.assertTrue(torch.equal(tensor, before[name]), name)

    def test_frozen_parts_stay(self):
        run = config("averages", freeze=["encoder", "codebook"])
        training = TrainingStep(filled(run), run)
        before = {name: tensor.detach().clone() for name, tensor in training.state.items()}
        training.run([batch_of(1)], 1)
        moved = {name.split("/")[0] for name, tensor in training.state.items() if not torch.equal(tensor, before[name])}
        self.assertEqual(moved, {"decoder", "projection"})

    def test_a_checkpoint_continues_as_if_nothing_had_happened(self):
        run = config("averages with replacement", weightAverageDecay=0.5)
        with tempfile.TemporaryDirectory() as folder:
            whole = TrainingStep(filled(run), run)
            for step in range(1, 5):
                whole.run([batch_of(step)], step)
                checkpoints.save(Path(folder), step, whole, {"seconds": 1.5})
            self.assertEqual([step for step, _ in checkpoints.all_of(Path(folder))], [3, 4])
            checkpoints.all_of(Path(folder))[1][1].unlink()
            content = checkpoints.newest(Path(folder), torch.device("cpu"))
        resumed = TrainingStep(filled(run, seed=9), run)
        self.assertEqual(checkpoints.restore(resumed, content), {"seconds": 1.5})
        resumed.run([batch_of(4)], 4)
        for name, tensor in whole.state.items():
            self.assertTrue(torch.equal(tensor, resumed.state[name]), name)
            self.assertTrue(torch.equal(whole.average.values[name], resumed.average.values[name]), name)


class Files(unittest.TestCase):
    def test_weights_survive_a_file_under_vqkits_names(self):
        run = config("vq with replacement")
        model, other = filled(run), filled(run, seed=8)
        with tempfile.TemporaryDirectory() as folder:
            save_weights(state_of(model), run, Path(folder) / "model.safetensors")
            load_weights(other, Path(folder) / "model.safetensors")
        names = state_of(model).keys()
        self.assertIn("encoder/stage1/block0/conv2/kernel", names)
        self.assertIn("decoder/up1/norm/offset", names)
        self.assertIn("quantizer/shares", names)
        for name, tensor in state_of(model).items():
            self.assertTrue(torch.equal(tensor, state_of(other)[name]), name)


class Data(unittest.TestCase):
    def test_the_stream_is_vqkits(self):
        """new Random(7, "crop", 2, 11).next() and shuffled([0 … 6]) of `new Random(0, "order", 3)`, by vqkit's own code."""
        stream = Stream(7, "crop", 2, 11)
        self.assertEqual([stream.next() for _ in range(3)], STREAM)
        self.assertEqual(Stream(0, "order", 3).shuffled(range(7)), ORDER)

    def test_an_epoch_shows_every_image_once_on_any_number_of_ranks(self):
        run = config("fsq", accumulate=2, batchSize=6)
        samples = data.OwnSamples(run, 2, 3)
        self.assertEqual(list(samples)[0], list(range(12, 18)))
        self.assertEqual(len(samples), 4)

    def test_sizes_are_those_of_vqkit(self):
        config = {"resize": 20, "cropSize": [16, 24]}
        self.assertEqual(data.resized_size((60, 40), config), (30, 20))
        self.assertEqual(data.resized_size((10, 40), {**config, "resize": None}), (24, 96))


STREAM = [0.3388590181712061, 0.3140763232950121, 0.9596220729872584]
ORDER = [4, 3, 0, 2, 5, 6, 1]

if __name__ == "__main__":
    unittest.main()
