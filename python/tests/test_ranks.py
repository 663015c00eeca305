"""Two processes over gloo find what one process finds with the doubled batch: gradients, and the codebook's state."""

import tempfile
import unittest
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

from vqkit_torch import ranks
from vqkit_torch.quantizers.kmeans import kmeans
from vqkit_torch.step import TrainingStep
from vqkit_torch.streams import Stream

from .models import QUANTIZERS, config, filled, images

RANKS = 2
BATCH = 8


def gradients_and_state(name, parts=1):
    """Gradients of this rank's share of a batch, averaged over the ranks, and the state after an update."""
    run = config(name, accumulate=parts, gradientClip=None)
    training = TrainingStep(filled(run), run)
    share = BATCH // parts // ranks.count()
    own = range(ranks.own() * share, (ranks.own() + 1) * share)
    batch = images(BATCH)
    per_part = [batch[[part * (BATCH // parts) + i for i in own]] for part in range(parts)]
    passes, figures = training.gradients(per_part, 1)
    gradients = {n: p.grad.clone() for n, p in training.parameters().items() if p.grad is not None}
    outcome = training.update(passes, figures, 1)
    # No gradient reaches the biases of an attention's keys but rounding, of which Adam makes whole steps.
    own = [name for name in training.state if name.startswith("quantizer/") and not name.endswith("keys/bias")]
    state = {name: training.state[name].detach().clone() for name in own}
    return {"gradients": gradients, "state": state, "counts": outcome.counts, "figures": outcome.figures}


def centres(clusters):
    """k-means of rows that lie on the ranks in the order of the whole."""
    rows = torch.randn(64, 3, generator=torch.Generator().manual_seed(3))
    rows[:40] = rows[0]  # so that fewer different rows exist than clusters are wanted, and some become empty
    share = len(rows) // ranks.count()
    return kmeans(rows[ranks.own() * share :][:share], clusters, Stream(1, "test"))


def everything():
    found = {name: gradients_and_state(name) for name in QUANTIZERS}
    found["accumulated"] = gradients_and_state("averages with replacement", parts=2)
    found["centres"] = {"gradients": {}, "state": {str(n): centres(n) for n in (4, 12, 40)}}
    return found


def process(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=RANKS)
    try:
        torch.save(everything(), f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


class TwoRanks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            multiprocessing.spawn(process, args=(folder,), nprocs=RANKS)
            cls.ranks = [torch.load(Path(folder) / f"{rank}.pt") for rank in range(RANKS)]
        cls.alone = everything()

    def test_gradients_and_codebooks(self):
        for name, alone in self.alone.items():
            for rank, found in enumerate(self.ranks):
                with self.subTest(name, rank=rank):
                    for part in ("gradients", "state"):
                        self.assertEqual(set(found[name][part]), set(alone[part]))
                        self.close(found[name][part], alone[part])

    def close(self, found, wanted):
        """Within 1e-5 of the largest number of each tensor; of tensors far smaller than others, of a hundredth of those."""
        most = max((float(tensor.abs().max()) for tensor in wanted.values()), default=0)
        for name, tensor in wanted.items():
            scale = max(float(tensor.abs().max()), most / 100)
            self.assertLess(float((found[name] - tensor).abs().max()), 1e-5 * scale, name)

    def test_codebooks_are_one(self):
        """Bit for bit: a codebook that differs between ranks drifts apart."""
        for name, first in self.ranks[0].items():
            for tensor, value in first["state"].items():
                self.assertTrue(torch.equal(value, self.ranks[1][name]["state"][tensor]), f"{name}: {tensor}")

    def test_counts_and_figures(self):
        for name in QUANTIZERS:
            self.assertTrue(torch.equal(self.ranks[0][name]["counts"], self.alone[name]["counts"]), name)
            for figure, value in self.alone[name]["figures"].items():
                self.assertAlmostEqual(self.ranks[1][name]["figures"][figure], value, delta=2e-5 * max(1, abs(value)))

    def test_something_was_replaced(self):
        replacing = [name for name in QUANTIZERS if "replace" in str(QUANTIZERS[name])]
        for name in replacing:
            self.assertGreater(self.alone[name]["figures"]["replacedCodes"], 0, name)


if __name__ == "__main__":
    unittest.main()
