"""Named, independent random streams from the one seed a user gives.

A stream is addressed, not consumed: what chip 17 draws depends on (seed, name, 17) alone, so it
stays the same whatever the number of chips, the batch, the process, the target, or any other
parameter that is sampled before it.
"""

from operator import index
from zlib import crc32

import numpy as np


def check_seed(seed: int) -> int:
    """Return `seed` as a plain int (NumPy integers break generated C++ code).

    Raises
    ------
    ValueError
        If `seed` is not a whole number from 0 to 2**32 - 1 (what Brian2's generators take).
    """
    try:
        value = index(seed)
    except TypeError:
        value = -1
    if not 0 <= value < 2**32:
        raise ValueError(f"seed={seed!r}: must be a whole number from 0 to 2**32 - 1")
    return value


def generator(seed: int, name: str, *indices: int) -> np.random.Generator:
    """The random stream `name`, optionally of chip, block or neuron number `indices`."""
    key = (crc32(name.encode()), *(index(i) for i in indices))
    return np.random.default_rng(np.random.SeedSequence(check_seed(seed), spawn_key=key))
