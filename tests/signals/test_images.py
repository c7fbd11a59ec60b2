"""Labelled images: IDX files, a user's own, and all that can be wrong with them."""

import gzip
import struct

import numpy as np
import pytest
from brian2 import Hz

from ebn_brian.signals.images import input_rates, labelled_images, read_idx, read_idx_file, read_npz

RNG = np.random.default_rng(1)
PIXELS = RNG.integers(0, 256, (6, 4, 5), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes, as Yann LeCun's page describes it."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A set like MNIST; the images of the test are compressed."""
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(PIXELS))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(PIXELS[:2])))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[:2]))
    return tmp_path


def test_idx(folder):
    training, test = read_idx(folder)
    assert training.shape == (4, 5)
    assert training.n_classes == 3
    np.testing.assert_allclose(
        training.pixels, PIXELS.reshape(6, -1) / PIXELS.max(), rtol=0, atol=1e-15
    )
    np.testing.assert_array_equal(training.labels, LABELS)
    np.testing.assert_array_equal(test.pixels, training.pixels[:2])
    for name in ("images-idx3-ubyte.gz", "labels-idx1-ubyte"):
        (folder / f"t10k-{name}").unlink()
    assert read_idx(folder)[1] is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte", b"", "train-images-idx3-ubyte: empty or truncated"),
        ("train-images-idx3-ubyte", idx(PIXELS)[:10], "truncated within its header"),
        ("train-images-idx3-ubyte", idx(PIXELS)[:-1], "truncated, 135 bytes .* tells 136"),
        ("train-images-idx3-ubyte", idx(PIXELS) + b"x", "too long, 137 bytes"),
        ("train-images-idx3-ubyte", b"\x89PNG" + bytes(99), "begins with 89504e47, no IDX file"),
        (
            "t10k-images-idx3-ubyte.gz",
            gzip.compress(idx(PIXELS), mtime=0)[:-20],
            "cut short or damaged",
        ),
        (
            "t10k-images-idx3-ubyte.gz",
            gzip.compress(idx(PIXELS[:2, 1:]), mtime=0),
            "test images have size",
        ),
        ("train-labels-idx1-ubyte", idx(LABELS[:-1]), r"labels have shape \(5,\): must be \(6,\)"),
        ("train-labels-idx1-ubyte", idx(LABELS + 1), "class 0 has no image"),
        ("t10k-labels-idx1-ubyte", idx(LABELS[:2] + 9), "test labels reach 10: must be 0 to 2"),
        ("train-images-idx3-ubyte", idx(0 * PIXELS), "every pixel is 0"),
        ("train-images-idx3-ubyte", idx(PIXELS[:0]), r"shape \(0, 4, 5\)"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_bad_idx(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(folder)


def test_damaged_within(folder):
    """Bytes that are wrong in the middle of what is compressed."""
    content = bytearray(gzip.compress(idx(PIXELS), mtime=0))
    content[12:40] = b"\xff" * 28
    (folder / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte: gzip data .* damaged"):
        read_idx(folder)
    np.savez_compressed(folder / "own.npz", images=PIXELS, labels=LABELS)
    content = bytearray((folder / "own.npz").read_bytes())
    content[60:100] = b"\xff" * 40
    (folder / "own.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"own\.npz: no \.npz"):
        read_npz(folder / "own.npz")


def test_missing_idx(folder):
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match="no IDX file of training labels"):
        read_idx(folder)


def test_idx_of_other_types(tmp_path):
    floats = np.linspace(0, 1, 6).reshape(2, 3)
    content = struct.pack(">HBB2I", 0, 0x0D, 2, 2, 3) + floats.astype(">f4").tobytes()
    (tmp_path / "x").write_bytes(content)
    np.testing.assert_allclose(read_idx_file(tmp_path / "x"), floats, rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.array([PIXELS[0], PIXELS[1][1:]], object)}, "images of several sizes"),
        ({"images": np.where(PIXELS > 250, np.nan, PIXELS)}, "images contains nan"),
        ({"images": -1.0 * PIXELS}, "the least pixel is -255|the least pixel is -"),
        ({"images": PIXELS[0, 0]}, r"images have shape \(5,\)"),
        ({"labels": LABELS - 0.5}, "labels: must be whole numbers"),
        ({"labels": LABELS.astype(int) - 1}, "labels: the least is -1"),
        ({"labels": LABELS + 250}, "class 0 has no image"),
        (
            {"labels": LABELS.astype(int) * 10**12},
            "yet class 1 has no image",
        ),
        ({"labels": 0 * LABELS}, "labels: all are 0"),
        ({"test_images": PIXELS}, "must come together"),
    ],
)
def test_bad_npz(tmp_path, changed, message):
    np.savez(tmp_path / "own.npz", **{"images": PIXELS, "labels": LABELS} | changed)
    with pytest.raises(ValueError, match=f"own.npz: .*({message})"):
        read_npz(tmp_path / "own.npz")


def test_no_npz(tmp_path):
    for content in (b"", b"images", b"PK\x03\x04"):
        (tmp_path / "own.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"own\.npz: "):
            read_npz(tmp_path / "own.npz")
    np.savez(tmp_path / "own.npz", images=PIXELS)
    with pytest.raises(ValueError, match="has no array labels"):
        read_npz(tmp_path / "own.npz")


def test_lists_of_several_sizes():
    with pytest.raises(ValueError, match="images: must be numbers, all images of one size"):
        labelled_images([[[1, 2]], [[1, 2], [3, 4]]], [0, 1])


def test_rates():
    own, _ = labelled_images(PIXELS, LABELS)
    rates = input_rates(own.pixels)
    assert rates.shape == (6, 21)
    assert rates.max() == 300 * Hz
    np.testing.assert_array_equal(rates[:, -1] / Hz, 300)


def test_digits():
    pytest.importorskip("sklearn")
    from ebn_brian.signals.images import digits

    own = digits()
    assert own.pixels.shape == (1797, 64)
    assert own.pixels.max() == 1
    assert own.n_classes == 10
