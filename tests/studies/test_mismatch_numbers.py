"""What the study of mismatch makes of its chips: better resets, yield, worth of learning."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import beta

from studies.mismatch import numbers
from studies.mismatch.bench import CHOICE
from studies.mismatch.measures import MEASURES


def table(rate, error):
    """Data of one set and two CVs; `rate` and `error` (reset, arm, cv, chip)."""
    dims, units = ("reset", "arm", "set", "cv", "chip"), {}
    coords = {"reset": list(CHOICE), "arm": ["pretrained", "learned"], "set": ["all"]}
    coords |= {"cv": [0.0, 0.2], "threshold": [1.0], "swept": ["none"]}
    data = xr.Dataset(coords=coords)
    for name in MEASURES:
        values = {"rate_hz": rate, "error_refit": error}.get(name, np.ones_like(rate))
        data[name] = dims, values[:, :, None], units
    for name in ("rate_hz_sweep", "error_refit_sweep"):
        data[name] = (
            ("arm", "swept", "threshold", "chip"),
            np.ones((2, 1, 1, rate.shape[-1])),
        )
    return data


def test_each_arm_has_its_better_reset_and_failures_have_no_say():
    rate, error = np.full((2, 2, 2, 4), 10.0), np.full((2, 2, 2, 4), 0.01)
    rate[1, 0, 1] = 5  # subtractive is better for pretrained at CV 20 %
    error[0, 1, 1] = 0.04  # and for learned
    rate[0, 1, 0] = np.nan  # absolute failed for learned at CV 0
    rate[1, 1, 1, 2] = np.nan  # one chip failed
    data = numbers.choose_reset(table(rate, error))
    used = data["reset_used"].sel(set="all").values.tolist()
    assert used == [["absolute", "subtractive"], ["subtractive", "subtractive"]]
    assert (data["rate_hz"].sel(arm="pretrained", cv=0.2) == 5).all()
    data = numbers.add_yield(data, 2.0, 1.5)
    summary, rows = numbers.summarise(data)
    assert rows["all 20 % learned"]["chips"] == 3
    assert summary["rate_hz_learned_all_0.2_median"] == 10
    assert summary["rate_hz_pretrained_all_0.2_to_clean"] == 0.5


def test_yield_is_by_chip_with_wilson_intervals():
    n = 20
    rate, error = np.full((2, 2, 2, n), 10.0), np.full((2, 2, 2, n), 0.01)
    rate[:, 0, 0] = error[:, 0, 0] = np.arange(1, n + 1)  # every chip has its own reference
    rate[:, 1, 1] = 2.0 * np.arange(1, n + 1)
    error[:, 1, 1] = 1.4 * np.arange(1, n + 1)
    rate[:, 1, 1, :5] += 0.01  # five use too many spikes
    error[:, 1, 1, 3:8] *= 2  # five decode badly, two of them the same
    data = numbers.add_yield(numbers.choose_reset(table(rate, error)), 2.0, 1.5)
    at = data.sel(arm="learned", cv=0.2, set="all")
    assert at["in_specification"] == 12 / n
    # Wilson's interval holds the Bayesian one of a flat prior, nearly
    low, high = beta(13, 9).interval(0.95)
    assert float(at["in_specification_low"]) == pytest.approx(low, abs=0.02)
    assert float(at["in_specification_high"]) == pytest.approx(high, abs=0.02)


def test_the_study_says_where_learning_helps_and_where_it_does_not():
    n, rng = 50, np.random.default_rng(1)
    rate, error = rng.lognormal(2, 0.3, (2, 2, 2, n)), np.full((2, 2, 2, n), 0.01)
    rate[:, 1, 1] = rate[:, 0, 1] * rng.lognormal(0, 0.05, n)
    data = numbers.choose_reset(table(rate, error))
    (line,) = numbers.verdict(numbers.gain_of_learning(data))
    assert line.startswith("mismatch of all, CV 20 %: learning on the chip does not matter")
    for factor, what in ((0.5, "helps"), (2.0, "harms")):
        rate[:, 1, 1] = factor * rate[:, 0, 1]
        data = numbers.choose_reset(table(rate, error))
        gains = numbers.gain_of_learning(data)
        assert gains["all_0.2"] == pytest.approx((1 / factor,) * 3)
        assert what in numbers.verdict(gains)[0]
