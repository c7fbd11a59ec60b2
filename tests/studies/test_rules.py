"""The study of rules: its phases and numbers, and the authors' example."""

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from ebn_brian.training import LARGE_TO_SMALL
from studies.rules import both, numbers
from studies.rules.arms import LEARNING, OPTIMAL, RULES
from studies.rules.bench import ALL, MEASURES, Bench, Curve
from studies.rules.command import main


def test_phases_are_those_of_the_package():
    for rule, phases in LEARNING.items():
        assert sum(share for _, share in phases) == pytest.approx(1), rule
    assert [rule.eps for rule, _ in LEARNING["continuous"]] == [r.eps for r, _ in LARGE_TO_SMALL]


def test_ends_of_phases_are_among_the_times():
    times = Bench({}, None, 7.0, 1).times()
    assert {0.0, 0.5, 1.0, 2.0, 2.3333, 3.0, 4.6667, 5.0, 7.0} == set(times)


def curve(first: float, n_times: int = 3) -> Curve:
    """A number of its own for each measure, time and chip."""
    measures = {
        name: first + 100 * k + 10 * np.arange(n_times)[:, None] + np.arange(4)
        for k, name in enumerate(ALL)
    }
    return Curve(np.arange(n_times) * 1.0, measures, first)


class TestNumbers:
    def test_have_their_place(self):
        curves = {
            (cv, rule): curve(10_000 * k + 1000 * (cv > 0), 1 if rule in OPTIMAL else 3)
            for k, rule in enumerate(RULES)
            for cv in (0.0, 0.2)
        }
        summary, data = numbers.summarise(curves, {}), numbers.dataset(curves, {})
        for k, rule in enumerate(RULES):
            for m, name in enumerate(MEASURES):
                last = 0 if rule in OPTIMAL else 20
                first = 10_000 * k + 100 * m + last
                worst = first if name == "correlation" else first + 3
                assert summary[f"{name}_{rule}_median"] == first + 1.5
                assert summary[f"{name}_{rule}_worst"] == worst
                assert summary[f"{name}_{rule}_mismatch_median"] == first + 1001.5
                place = {"cv": 0.2, "rule": rule, "training_time": 2, "chip": 3}
                assert data[name].sel(place) == first + 1003

    def test_the_worst_slope_is_the_furthest_from_one(self):
        assert numbers.worst("slope", np.array([0.9, 1.05, 1.0])) == 0.9

    def test_until_near(self):
        """The distance falls as 10**-t in one chip, and never below in the other."""
        distance = np.array([[1, 1], [0.1, 0.5], [0.01, 0.2]])
        changes = np.array([[0, 0], [100, 1], [300, 2]])
        near = Curve(np.arange(3.0), {"distance": distance, "changes": changes})
        seconds, counts = numbers.until_near(near)
        share = np.log10(0.1 / numbers.NEAR)
        np.testing.assert_allclose(seconds, [1 + share, np.inf])
        np.testing.assert_allclose(counts, [100 + 200 * share, np.inf])


def test_widest_gap():
    degrees = np.radians([[10, 100, -170, 30], [0, 90, 180, 270]])
    F = np.stack([np.cos(degrees), np.sin(degrees)], axis=-1)
    np.testing.assert_allclose(both.widest_gap(F), [180, 90])


@pytest.mark.slow
def test_feedforward_weights_too():
    """The example as published keeps |F|**2 near 0.85; with alpha .165 weights are -F F^T."""
    found = both.both(both.build(3, 8201, "cpp_fused"), 3, 3000, 8201)
    published, unit = found["brendel2020"].measures, found["brendel2020_slope1"].measures
    for measures in (published, unit):
        assert measures["distance"][0].min() > 0.8
        assert measures["distance"][-1].max() < 0.005
        assert measures["error_effective"][-1].max() < 0.006
        assert measures["gap_deg"][-1].max() < 40 < np.median(measures["gap_deg"][0])
    assert ((published["slope"][-1] > 0.83) & (published["slope"][-1] < 0.87)).all()
    assert ((unit["slope"][-1] > 0.96) & (unit["slope"][-1] < 1.02)).all()


@pytest.mark.slow
def test_the_study(tmp_path):
    result = CliRunner().invoke(main, ["--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    for rule in ("discrete", "continuous", "gradient2012", "optimal"):
        for name in MEASURES:
            assert {f"{name}_{rule}_median", f"{name}_{rule}_worst"} <= set(summary)
    assert summary["distance_discrete_median"] < 0.5
    assert summary["error_effective_discrete_median"] < summary["error_discrete_median"]
    with xr.open_dataset(tmp_path / "data.nc") as data:
        started = data["distance"].isel(training_time=0).sel(rule=list(LEARNING), cv=0)
        assert (started == started.isel(rule=0)).all()
        assert (data["changes"].isel(training_time=-1).sel(rule=list(LEARNING)) > 0).all()
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cv", "0"], "--cv"),
        (["--training", "nan"], "not a finite number"),
        (["--both", "0"], "--both"),
        (["--chips", "0"], "--chips"),
        (["--device", "gpu"], "gpu"),
    ],
    ids=str,
)
def test_bad_options(options, message, tmp_path):
    result = CliRunner().invoke(main, [*options, "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert message in result.output
