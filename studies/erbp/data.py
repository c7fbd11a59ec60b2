"""Images of the study, divided into those for training, for choices and for the test."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ebn_brian.seeds import generator
from ebn_brian.signals.images import Images, digits, read_idx, read_npz

#: Shares of the test images, and of the validation images among the rest.
SHARE = 0.2


@dataclass(frozen=True)
class Task:
    """What is learned, and what it is judged on."""

    training: Images
    test: Images

    def checksum(self) -> str:
        """Of all pixels and labels, in their order."""
        digest = hashlib.sha256()
        for images in (self.training, self.test):
            digest.update(np.ascontiguousarray(images.pixels).tobytes())
            digest.update(images.labels.tobytes())
        return digest.hexdigest()


def open_images(idx: Path | None, npz: Path | None) -> tuple[Images, Images | None]:
    """The user's images, with a test set if there is one, or scikit-learn's digits.

    Raises
    ------
    ValueError
        If files are not sound.
    """
    if idx is not None:
        return read_idx(idx)
    return read_npz(npz) if npz is not None else (digits(), None)


def divide(images: Images, test: Images | None, validate: bool, limit: int | None = None) -> Task:
    """Training and test images, the same for every seed.

    Where no `test` images are given, a fifth is held out. With `validate` the test images are not
    touched: a fifth of the others is held out in their place, for choices. At most `limit` images
    are learned, and judged on, drawn at random.

    Raises
    ------
    ValueError
        If a class has too few images.
    """
    try:
        if test is None:
            images, test = _held_out(images, 0)
        elif limit is not None:  # files may be sorted by class
            images, test = (
                own[generator(0, "limit").permutation(len(own))] for own in (images, test)
            )
        if validate:
            images, test = _held_out(images, 1)
    except ValueError as error:
        raise ValueError(f"images cannot be divided: {error}") from error
    return Task(images[:limit], test[:limit])


def _held_out(images: Images, state: int) -> tuple[Images, Images]:
    """Images without a fifth of each class, and that fifth."""
    from sklearn.model_selection import train_test_split

    kept, held = train_test_split(
        np.arange(len(images)), test_size=SHARE, random_state=state, stratify=images.labels
    )
    return images[kept], images[held]
