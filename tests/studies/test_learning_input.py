"""What the study of learning refuses: before anything is compiled, with what is allowed."""

import shutil

import numpy as np
import pytest
from learning_helpers import run
from study_helpers import FIGURE1, needs_figure1, output

from ebn_brian import devices


@pytest.fixture(autouse=True)
def _no_build(monkeypatch):
    monkeypatch.setattr(devices, "build", lambda *args, **kwargs: pytest.fail("built something"))


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        *[
            ((f"--{name}", value), (name.replace("-", "_"), allowed))
            for name, values, allowed in (
                ("step", ("0", "-0.04", "nan", "inf"), "must be finite and positive"),
                ("kappa", ("0", "-2.5", "nan", "inf"), "must be finite and positive"),
                ("dead-zone", ("-0.1", "nan", "inf"), "must be finite and at least 0"),
                ("training", ("-1", "nan", "inf", "1e-9"), "must be positive and finite, in s"),
                ("bits", ("0", "-3", "25"), "must be from 2 to 24"),
            )
            for value in values
        ],
        (("--bits", "2.5"), ("'--bits'", "not a valid integer")),
        (("--step", "big"), ("'--step'", "not a valid float")),
        (("--chips", "0"), ("'--chips'", "x>=1")),
        (("--neurons", "1"), ("'--neurons'", "x>=2")),
        (("--seed", "-1"), ("seed=-1", "from 0 to")),
        (("--decoder", "square"), ("'--decoder'", "'random', 'even'")),
        (("--synapse", "alpha"), ("'--synapse'", "'delta', 'exponential'")),
        (("--reset", "none"), ("'--reset'", "'absolute', 'subtractive'")),
        (("--device", "tpu"), ("device='tpu'", "cpp_standalone")),
        (("--published", "a", "--signal", "b"), ("--published and --signal", "one at a time")),
    ],
    ids=" ".join,
)
def test_options(tmp_path, arguments, messages):
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    for message in messages:
        assert message in output(result)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written(tmp_path, out):
    (tmp_path / "file").touch()
    result = run("--out", tmp_path / out)
    assert result.exit_code == 2
    assert "--out" in result.output


def test_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "g++ and make, not found on PATH" in output(result)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("missing.csv", None, "there is no such file"),
        ("empty.csv", "", "the file is empty"),
        ("header.csv", "t,a\n", "must hold some"),
        ("short.csv", "t,a\n0,1\n0.1,2\n0.2,1\n", "must be at least 1. s"),
        ("nan.csv", "t,a\n0,1\n0.5,nan\n1,1\n", "row 2, column 'a' holds nan: must be finite"),
        ("inf.csv", "t,a\n0,1\n0.5,inf\n1,1\n", "row 2, column 'a' holds inf: must be finite"),
        ("words.csv", "t,a\n0,1\n0.5,loud\n1,1\n", "row 2, column 'a' holds 'loud'"),
        ("rate.csv", "a\n0\n1\n0\n1\n", "sampling_rate must be given"),
        ("notes.doc", "a", "must end in .csv, .npy, .wav"),
        ("broken.npy", "no numpy file", "broken.npy"),
        ("broken.wav", "no sound", "broken.wav"),
    ],
)
def test_recordings(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    result = run("--signal", tmp_path / name, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert name in output(result)
    assert message in output(result)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rate", ["0", "-5", "nan", "1e9"])
def test_sampling_rates(tmp_path, rate):
    np.save(tmp_path / "a.npy", np.sin(np.arange(1000.0)))
    result = run("--signal", tmp_path / "a.npy", "--sampling-rate", rate, "--out", tmp_path)
    assert result.exit_code == 2
    assert "sampling" in result.output


def test_more_channels_than_even_decoders_can_have(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(1).normal(size=(1000, 3)))
    result = run(
        *("--signal", tmp_path / "a.npy", "--sampling-rate", 500),
        *("--decoder", "even", "--out", tmp_path),
    )
    assert result.exit_code == 2
    assert "n_signals=3: must be 1 or 2" in output(result)


def test_published_without_files(tmp_path):
    result = run("--published", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "weights_initial.csv" in output(result)


@needs_figure1
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("weights_learned.csv", lambda text: "", "weights_learned.csv"),
        ("weights_learned.csv", lambda text: text[: len(text) // 2], "weights_learned.csv"),
        ("weights_initial.csv", lambda text: text.replace("0", "nan", 1), "must be finite"),
        ("weights_optimal.csv", lambda text: text.replace("1", "2"), "not the paper's optimal"),
        ("signals.csv", lambda text: text.splitlines()[0], "signals.csv"),
        ("signals.csv", lambda text: text.replace(",", ";"), "signals.csv"),
        ("spikes_initial.csv", lambda text: "a,b\nx,y\n", "spikes_initial.csv"),
    ],
)
def test_published_with_wrong_files(tmp_path, name, change, message):
    shutil.copytree(FIGURE1, tmp_path / "figure1")
    file = tmp_path / "figure1" / name
    file.write_text(change(file.read_text()))
    result = run("--published", tmp_path / "figure1", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in output(result)
