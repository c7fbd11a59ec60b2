"""Labelled images: scikit-learn's digits, files in IDX format, a user's own. Each is checked first.

Intensities are from 0 to 1: those of a set over the largest of its training images.
"""

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz, Quantity
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats, Integers

#: Rate of an input at full intensity, and of the bias.
FULL_RATE = 300 * Hz
#: Type of the entries of an IDX file by its third byte.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
#: Names of the files of a set, what they begin with and what they have in them.
IDX_SETS = {"training": ("train",), "test": ("t10k", "test")}
#: What numpy raises where a file is no .npz, or a damaged one.
UNREADABLE = (
    *(OSError, ValueError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError),
)


@dataclass(frozen=True)
class Images:
    """Images of one size, and the class of each."""

    pixels: Floats
    """(n_images, n_pixels), from 0 to 1."""
    labels: Integers
    """(n_images,), from 0 to n_classes - 1."""
    shape: tuple[int, int]
    """Height and width."""
    n_classes: int

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: Any) -> "Images":
        """Some of them."""
        return Images(self.pixels[which], self.labels[which], self.shape, self.n_classes)


def input_rates(pixels: ArrayLike, full: Quantity = FULL_RATE) -> Quantity:
    """Rates (n_images, n_pixels + 1) of the inputs: in proportion to intensity, and a bias."""
    pixels = np.asarray(pixels, float)
    return np.hstack([pixels, np.ones((len(pixels), 1))]) * full


def digits() -> Images:
    """The 1797 handwritten digits of 8 x 8 pixels that come with scikit-learn.

    Raises
    ------
    RuntimeError
        If scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise RuntimeError("scikit-learn is missing: pip install 'ebn_brian[erbp]'") from None
    data = load_digits()
    return labelled_images(data.images, data.target)[0]


def labelled_images(
    pixels: ArrayLike,
    labels: ArrayLike,
    test_pixels: ArrayLike | None = None,
    test_labels: ArrayLike | None = None,
) -> tuple[Images, Images | None]:
    """Training and test images, checked and scaled.

    Parameters
    ----------
    pixels, test_pixels
        (n_images, height, width), or (n_images, n_pixels); at least 0.
    labels, test_labels
        Whole numbers (n_images,) from 0 on, each class with a training image.

    Raises
    ------
    ValueError
        If images are not all of one size, not finite or negative, or all black; if labels are not
        one an image, no whole numbers, out of range, or all of one class.
    """
    values = _pixels("images", pixels)
    classes = _labels("labels", labels, len(values))
    n_classes = int(classes.max()) + 1
    present = np.unique(classes)
    if len(gaps := np.flatnonzero(present != np.arange(len(present)))):
        raise ValueError(
            f"labels reach {n_classes - 1}, yet class {gaps[0]} has no image: must be 0 to the "
            "number of classes less 1, each with an image"
        )
    if n_classes < 2:
        raise ValueError("labels: all are 0, must be of at least 2 classes")
    largest = values.max()
    if not largest:
        raise ValueError("images: every pixel is 0")
    shape = values.shape[1:]
    own = Images((values / largest).reshape(len(values), -1), classes, shape, n_classes)
    if test_pixels is None:
        return own, None
    values = _pixels("test images", test_pixels)
    if values.shape[1:] != shape:
        raise ValueError(f"test images have size {values.shape[1:]}: must be {shape}, as others")
    classes = _labels("test labels", [] if test_labels is None else test_labels, len(values))
    if classes.max() >= n_classes:
        raise ValueError(f"test labels reach {classes.max()}: must be 0 to {n_classes - 1}")
    scaled = np.minimum(values / largest, 1).reshape(len(values), -1)
    return own, Images(scaled, classes, shape, n_classes)


def _pixels(name: str, given: ArrayLike) -> Floats:
    """`given` as (n_images, height, width)."""
    try:
        array = np.asarray(given)
    except ValueError:  # of images of several sizes no array can be made
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: must be numbers, all images of one size")
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            f"{name} have shape {array.shape}: must be (n_images, height, width) or (n_images, "
            "n_pixels), none of them 0"
        )
    values = checks.finite(name, array)
    if values.min() < 0:
        raise ValueError(f"{name}: the least pixel is {values.min():g}, must be at least 0")
    return values if values.ndim == 3 else values[:, None, :]


def _labels(name: str, given: ArrayLike, n_images: int) -> Integers:
    """`given` as whole numbers, one an image."""
    array = np.asarray(given)
    if array.shape != (n_images,):
        raise ValueError(f"{name} have shape {array.shape}: must be ({n_images},), one an image")
    if array.dtype.kind not in "biuf" or not (np.isfinite(array) & (array == np.rint(array))).all():
        raise ValueError(f"{name}: must be whole numbers")
    if array.min() < 0:
        raise ValueError(f"{name}: the least is {array.min()}, must be at least 0")
    return array.astype(np.int64)


def read_npz(path: Path) -> tuple[Images, Images | None]:
    """A file of numpy with ``images`` and ``labels``, perhaps ``test_images`` and ``test_labels``.

    Raises
    ------
    ValueError
        If it is no such file, or as `labelled_images`; errors name the file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except UNREADABLE as error:
        several = "Object arrays" in str(error)
        why = "holds images of several sizes, or no numbers" if several else f"no .npz: {error}"
        raise ValueError(f"{path}: {why}") from error
    if missing := {"images", "labels"} - arrays.keys():
        raise ValueError(f"{path}: has no array {' and '.join(sorted(missing))}")
    if len({"test_images", "test_labels"} & arrays.keys()) == 1:
        raise ValueError(f"{path}: test_images and test_labels must come together")
    try:
        return labelled_images(
            *(arrays["images"], arrays["labels"]),
            *(arrays.get("test_images"), arrays.get("test_labels")),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_idx(folder: Path) -> tuple[Images, Images | None]:
    """A folder of IDX files, as those of MNIST are: training and, if there is one, test set.

    The names of files begin with ``train``, ``t10k`` or ``test``, have ``images`` or ``labels`` in
    them and ``idx``; each may end in ``.gz``.

    Raises
    ------
    ValueError
        If a file is missing, empty, truncated or no IDX file, or as `labelled_images`.
    """
    sets: list[Any] = []
    for name, starts in IDX_SETS.items():
        files = [_find(folder, starts, kind) for kind in ("images", "labels")]
        if not any(files) and name == "test":
            break
        for file, kind in zip(files, ("images", "labels"), strict=True):
            if file is None:
                raise ValueError(f"{folder}: has no IDX file of {name} {kind} ({starts[0]}*{kind})")
        sets += [read_idx_file(file) for file in files if file]
    try:
        return labelled_images(*sets)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _find(folder: Path, starts: Sequence[str], kind: str) -> Path | None:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in files:
        name = path.name.lower()
        if name.startswith(tuple(starts)) and kind in name and "idx" in name:
            return path
    return None


def read_idx_file(path: Path) -> np.ndarray[Any, Any]:
    """The array of one IDX file, which may be compressed by gzip.

    Raises
    ------
    ValueError
        If it is empty, truncated, longer than its header says, or no IDX file.
    """
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: gzip data that are cut short or damaged") from error
    if len(content) < 4:
        raise ValueError(f"{path}: empty or truncated, {len(content)} bytes")
    zero, kind, n_dims = struct.unpack_from(">HBB", content)
    if zero or kind not in IDX_TYPES or not n_dims:
        raise ValueError(f"{path}: begins with {content[:4].hex()}, no IDX file")
    start = 4 + 4 * n_dims
    if len(content) < start:
        raise ValueError(f"{path}: truncated within its header, {len(content)} bytes")
    shape = struct.unpack_from(f">{n_dims}I", content, 4)
    dtype = np.dtype(IDX_TYPES[kind])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        what = "truncated" if len(content) < expected else "too long"
        raise ValueError(f"{path}: {what}, {len(content)} bytes where its header tells {expected}")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
