"""The study of granularity: its rules, and where its numbers go."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from studies import granularity
from studies.granularity import BITS, COLORS, MEASURES, STEPS, points


def test_bits_set_the_rails_and_the_step():
    for (axis, value), rule in points().items():
        if axis == "bits":
            assert rule.n_bits == value
            assert rule.w_max * rule.step == pytest.approx(1)
        else:
            assert (rule.n_bits, rule.step) == (None, value)


def test_a_step_is_never_undone_by_the_next():
    assert all(rule.dead_zone >= rule.kappa * rule.step / 2 for rule in points().values())


def code_of(decoder, axis, value, name):
    """A number for every measure of every point."""
    place = list(COLORS).index(decoder), ("optimal", "step", "bits").index(axis)
    return 1000 * place[0] + 100 * place[1] + 10 * value + MEASURES.index(name) / 10


def test_numbers_have_their_place():
    measures = {
        decoder: {
            (axis, value): {n: code_of(decoder, axis, value, n) + np.arange(3) for n in MEASURES}
            for axis, value in [("optimal", 0), *points()]
        }
        for decoder in COLORS
    }
    data = granularity.dataset(measures, 10.0)
    table = granularity.rows(data)
    summary = granularity.summarise(data, table)
    assert len(table) == len(COLORS) * (len(STEPS) + len(BITS))
    for decoder in COLORS:
        assert (
            summary[f"error_{decoder}_optimal_median"]
            == code_of(decoder, "optimal", 0, "error") + 1
        )
        for axis, value in points():
            for name in MEASURES:
                first = code_of(decoder, axis, value, name)
                place = {"decoder": decoder, axis: value, "chip": 0}
                assert data[f"{name}_{axis}"].sel(place) == first
                point = f"{decoder}_{axis}_{value:g}"
                for of, expected in (("median", first + 1), ("worst", first + 2)):
                    assert table[point][f"{name}_{of}"] == expected
                    assert summary[f"{name}_{point}_{of}"] == expected


@pytest.mark.slow
def test_the_study(tmp_path):
    """Small: too coarse and too few bits are worse, by far."""
    result = CliRunner().invoke(granularity.main, ["--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    for decoder in COLORS:
        for axis, good, coarse in (("step", "0.04", "0.32"), ("bits", "6", "3")):
            fine = summary[f"distance_{decoder}_{axis}_{good}_median"]
            assert 3 * fine < summary[f"distance_{decoder}_{axis}_{coarse}_median"]
            assert fine < 0.1
    assert (tmp_path / "figure.png").stat().st_size > 10_000
