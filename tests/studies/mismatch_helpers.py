"""What tests of the studies of mismatch share: a bench of a few small chips."""

from pathlib import Path

from studies.mismatch.bench import Bench, build_bench


def small_bench(folder: Path, chips: int = 3) -> Bench:
    """Chips of five neurons on numpy."""
    return build_bench(chips, 5, 1.0, 7, "numpy", folder, None)
