"""vqkit's seeded random numbers: what decides which images are held out, in which order they come and how they are cropped.

The same seed gives the same batches as `vqkit train`. Large noise is drawn by PyTorch instead (`draws.py`).
"""

import hashlib
import json

MASK = 2**64 - 1


def digest(*labels):
    """SHA-256 of a seed and labels, as vqkit writes them."""
    text = json.dumps(list(labels), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


class Stream:
    """xoroshiro128+, of whose sums the lower 32 bits are taken; named by a seed and labels."""

    def __init__(self, seed, *labels):
        words = [int.from_bytes(digest(seed, *labels)[at : at + 4], "little") for at in (0, 4, 8, 12)]
        self._s0 = words[0] << 32 | words[1]
        self._s1 = words[2] << 32 | words[3]

    def next(self):
        """Uniform in [0, 1), 32 bits of resolution."""
        s0, s1 = self._s0, self._s1
        out = (s0 + s1) & 0xFFFFFFFF
        a = s0 ^ s1
        self._s0 = _rotated(s0, 24) ^ a ^ (a << 16 & MASK)
        self._s1 = _rotated(a, 37)
        return out / 2**32

    def integer(self, limit):
        """Uniform integer in [0, limit)."""
        return int(self.next() * limit)

    def shuffled(self, items):
        """A new list in random order (Fisher-Yates)."""
        result = list(items)
        for i in range(len(result) - 1, 0, -1):
            j = self.integer(i + 1)
            result[i], result[j] = result[j], result[i]
        return result


def _rotated(x, by):
    return (x << by | x >> 64 - by) & MASK
