"""The study of random backpropagation: its images, its devices, its numbers, one small run."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from study_helpers import output

from ebn_brian.chips.layers import layered_blueprint, random_feedback
from ebn_brian.signals.images import digits
from studies.erbp.alignment import _angle
from studies.erbp.arms import Lab, checked_epochs, concordant, layer_rules, unlike
from studies.erbp.bench import Bench, image_of, initial
from studies.erbp.command import main
from studies.erbp.data import divide
from studies.erbp.numbers import assemble, summarise


def test_test_images_are_never_those_of_a_choice():
    own = digits()

    def rows(images):
        return {row.tobytes() for row in images.pixels}

    final, choice = divide(own, None, validate=False), divide(own, None, validate=True)
    assert [len(final.training), len(final.test)] == [1437, 360]
    assert [len(choice.training), len(choice.test)] == [1149, 288]
    assert not rows(final.test) & (rows(choice.training) | rows(choice.test))
    assert rows(choice.test) <= rows(final.training)
    assert not rows(choice.test) & rows(choice.training)
    assert np.bincount(final.test.labels).min() >= 34  # every class alike


def test_a_limit_keeps_all_classes_of_files_that_are_sorted():
    own = digits()
    images = own[np.argsort(own.labels)]
    task = divide(images, images, False, limit=200)
    for part in (task.training, task.test):
        assert np.bincount(part.labels, minlength=10).min() > 5


def test_results_depend_on_the_images_themselves():
    """Not on the name of a file, whose content may be another when a study goes on."""
    own = digits()
    whole, part = divide(own, None, False), divide(own, None, False, limit=200)
    other = replace(own, pixels=1 - own.pixels)
    checksums = [task.checksum() for task in (whole, part, divide(other, None, False))]
    assert len(set(checksums)) == 3
    assert divide(digits(), None, False).checksum() == checksums[0]


def bench(sizes=(4, 6, 3), n_chips: int = 3) -> Bench:
    rules = layer_rules(len(sizes) - 2)
    feedback = [G[0] for G in random_feedback(sizes, 0)]
    plan = layered_blueprint(sizes, rules=rules, n_chips=n_chips, feedback=feedback)
    return Bench(None, plan, 10, None)


def test_a_device_is_itself_at_any_cv():
    """The same draws, wider; the first is ideal."""
    own = bench()
    values = unlike(own, (0.0, 0.1, 0.2), 5)
    plan = own.blueprint.values()
    for name in ("layer_1.v_th", "weights_2.gain", "layer_2.tau_u"):
        ideal, narrow, wide = np.split(values[name] / np.asarray(plan[name]), 3)
        np.testing.assert_array_equal(ideal, 1)
        np.testing.assert_array_equal(np.argsort(narrow), np.argsort(wide))
        assert 0 < np.std(narrow) < np.std(wide)


def test_concordant_feedback_has_the_signs_of_the_weights():
    own = bench(n_chips=1)
    weights = initial(own.blueprint, 3)
    g = concordant(own, 3, weights)["feedback_1.g"].reshape(2, 3, 6)  # error, class, hidden
    W = own.blueprint.weights(weights)[1][0]
    np.testing.assert_array_equal(np.sign(g[0]), np.sign(W))
    np.testing.assert_array_equal(g[1], -g[0])


def test_images_by_time():
    step = np.arange(0, 1000)
    np.testing.assert_array_equal(image_of(step * 0.001), step // 150)


def test_angles():
    a = np.array([[1.0, 0], [0, 0]])
    assert _angle(a, 3 * a) == pytest.approx(0, abs=1e-6)
    assert _angle(a, -a) == pytest.approx(180)
    assert _angle(a, np.ones((2, 2))) == pytest.approx(60)


def test_numbers_have_the_names_that_are_promised():
    lab = Lab({}, None, 2, (0.0, 0.2), (4,))
    assert checked_epochs(2) == [0, 1, 2]
    points = [(arm, 0) for arm in ("float", "mismatch", "frozen", "logistic", "mlp")] + [("dac", 4)]
    results = {}
    for seed in (7, 8):
        results |= {f"{arm}{b or ''}-{seed}": {"accuracy": np.array(0.9)} for arm, b in points}
        more = {"curve": [0.1, 0.5, 0.9], "angle": np.full((3, 2), 50.0), "rounded": [0.8]}
        results[f"float-{seed}"] |= {"cpu": np.array(0.3 + seed), **more}
        results[f"mismatch-{seed}"] = {"learned": [0.9, 0.8], "copied": [0.9, 0.1 * seed]}
    data = assemble(results, lab, points, [7, 8])
    assert isinstance(data, xr.Dataset)
    summary, _ = summarise(data)
    for arm in ("float", "frozen", "dac4", "mismatch20", "copied20", "logistic", "mlp"):
        assert {f"accuracy_{arm}_median", f"accuracy_{arm}_worst"} <= summary.keys()
    assert summary["accuracy_copied20_median"] == pytest.approx(0.75)
    assert summary["accuracy_copied20_worst"] == pytest.approx(0.7)
    assert summary["cpu_seconds_per_epoch"] == pytest.approx(7.8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "own.npz: no .npz"),
        (None, "path .* does not exist"),
    ],
)
def test_bad_images_are_named_before_anything_is_built(content, message, tmp_path, monkeypatch):
    monkeypatch.setattr("studies.erbp.command.build", lambda *_, **__: pytest.fail("built"))
    path = tmp_path / "own.npz"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(main, ["--images", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert re.search(message, output(result), re.I)


@pytest.mark.slow
def test_a_small_run_learns_and_is_resumed(tmp_path):
    """Two epochs of 200 images: far above chance; started again, nothing is learned again."""
    arguments = ["--quick", "--out", str(tmp_path), "--jobs", "1"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["accuracy_float_median"] > 0.7
    assert summary["accuracy_mismatch20_median"] > summary["accuracy_copied20_median"]
    assert summary["angle_hidden_last"] < summary["angle_hidden_first"]
    assert summary["cpu_seconds_per_epoch"] * 1437 / 200 < 2
    with xr.open_dataset(tmp_path / "data.nc", engine="h5netcdf") as data:
        assert data["curve"].sizes == {"seed": 1, "epoch": 3}
    again = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert "3 of 3 results are there" in again.output
