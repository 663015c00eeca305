"""Codebooks from the latents of all ranks: samples of them, and k-means that starts from samples.

Each rank keeps its own latents; sums, counts and the rows that are chosen go around. All ranks end with one codebook.
"""

import torch

from .. import ranks
from .search import nearest

ITERATIONS = 10
JITTER = 0.01  # of the spread: where fewer distinct latents exist than codes are wanted, the rest are moved copies


def sampled_rows(rows, count, stream, parts=1):
    """`count` different rows of all ranks' [M, D], in an order that the stream draws; moved copies fill up."""
    total = len(rows) * ranks.count()
    order = torch.tensor(stream.shuffled(range(total)), device=rows.device)
    picked, seen = [], set()
    for places in order.split(count):
        _take_new(ranks.rows_at(rows, places, parts), picked, seen, count)
        if len(picked) == count:
            break
    found = torch.stack([picked[i % len(picked)] for i in range(count)])
    missing = count - len(picked)
    if missing > 0:
        generator = torch.Generator().manual_seed(stream.integer(2**31))
        moves = torch.randn(missing, rows.shape[1], generator=generator).to(rows)
        found[len(picked) :] += JITTER * _spread(rows) * moves
    return ranks.from_first(found)


def kmeans(rows, count, stream, parts=1):
    """Lloyd's k-means, at most ten rounds. An empty cluster moves to a row that is far from its centre."""
    centres = sampled_rows(rows, count, stream, parts)
    previous = None
    for _ in range(ITERATIONS):
        assigned = nearest(rows, centres)
        is_same = previous is not None and torch.equal(assigned, previous)
        if _all_ranks(is_same, rows.device):
            break
        centres = _means(rows, assigned, centres)
        previous = assigned
    return ranks.from_first(centres)


def _means(rows, assigned, centres):
    """The mean of each cluster's rows; an empty one gets a far row, or stays when none is left."""
    sums = torch.zeros(centres.shape, dtype=torch.float64, device=rows.device)
    sums = ranks.summed(sums.index_add_(0, assigned, rows.double()))
    counts = ranks.summed(torch.bincount(assigned, minlength=len(centres)).double())
    made = (sums / counts.clamp_min(1)[:, None]).to(rows)
    empty = (counts == 0).nonzero().flatten()
    if len(empty) == 0:
        return made
    far = _farthest(rows, assigned, centres, len(empty))
    made[empty] = centres[empty]
    made[empty[: len(far)]] = far
    return made


def _farthest(rows, assigned, centres, count):
    """At most `count` different rows of all ranks by falling distance to their own centre."""
    distances = (rows - centres[assigned]).double().square().sum(1)
    most = min(count, len(rows))
    own_distances, own_places = distances.topk(most)
    distances, candidates = ranks.gathered(own_distances), ranks.gathered(rows[own_places])
    order = distances.argsort(descending=True, stable=True)
    order = order[distances[order] > 0]
    picked, seen = [], set()
    _take_new(candidates[order], picked, seen, count)
    return torch.stack(picked) if picked else rows[:0]


def _take_new(rows, picked, seen, count):
    """Adds rows that differ bit for bit from those so far, until there are `count`."""
    for row, values in zip(rows, rows.cpu().numpy()):
        if len(picked) == count:
            return
        key = values.tobytes()
        if key not in seen:
            seen.add(key)
            picked.append(row)


def _spread(rows):
    """The standard deviation of all numbers of all ranks."""
    values = rows.double()
    moments = ranks.summed(torch.stack([values.sum(), values.square().sum()]))
    mean, square = moments / (rows.numel() * ranks.count())
    return float((square - mean**2).clamp_min(0).sqrt())


def _all_ranks(holds, device):
    return int(ranks.summed(torch.tensor(int(holds), device=device))) == ranks.count()
