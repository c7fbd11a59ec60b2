"""Results of tasks as one data set."""

import numpy as np

from studies.lab.collect import collect


def test_collected_data_are_labelled_and_missing_is_nan(tmp_path):
    results = {
        "a": {"rate": np.array([1.0, 2])},
        "c": {"rate": np.array([5.0, 6]), "log": np.ones(2)},
    }
    where = {
        "a": {"arm": "x", "cv": [0.1, 0.2], "chip": [0, 1]},
        "b": {"arm": "y", "cv": 0.1, "chip": [0, 1]},
        "c": {"arm": "y", "cv": 0.2, "chip": [1, 2]},
    }
    coords = {"arm": ["x", "y"], "cv": [0.1, 0.2], "chip": range(3)}
    variables = {"rate": (("arm", "cv", "chip"), {"units": "Hz"})}
    data = collect(results, where, coords, variables, ("chip",))
    nan = np.nan
    expected = [[[1, 2, nan], [1, 2, nan]], [[nan, nan, nan], [nan, 5, 6]]]
    np.testing.assert_array_equal(data["rate"], expected)
    assert data["rate"].attrs == {"units": "Hz"}
