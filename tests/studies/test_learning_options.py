"""What the options of the study of learning come to: decoders, rule, neurons and device."""

import numpy as np
import pytest
from learning_helpers import run
from study_helpers import FIGURE1, needs_figure1

from ebn_brian.chips import even_decoder
from studies.learning import command


class Stop(Exception):
    """Raised where the build would begin."""


@pytest.fixture
def prepared(monkeypatch, tmp_path):
    """What a command line comes to: all that the chips and the training are made of."""

    def prepare(*arguments):
        got = {}

        def chips(D, **options):
            got.update(D=D, **options)

        def training(make_chips, n_signals, **options):
            make_chips("a drive")
            assert got.pop("drive") == "a drive"
            assert n_signals == got["D"].shape[1]
            got.update(options)
            raise Stop

        monkeypatch.setattr(command, "lif_chips", chips)
        monkeypatch.setattr(command, "Training", training)
        result = run(*arguments, "--out", tmp_path)
        assert isinstance(result.exception, Stop), result.output
        return got

    return prepare


class TestOptions:
    def test_defaults(self, prepared):
        got = prepared()
        assert got["D"].shape == (20, 2, 20)
        rule = got["rule"]
        assert rule.step == pytest.approx(0.04)
        assert rule.dead_zone == pytest.approx(0.25)
        assert (rule.kappa, rule.n_bits, rule.learn_reset) == (2.5, None, False)
        assert (got["synapse"], got["reset"]) == ("delta", "absolute")

    def test_all_arrive(self, prepared):
        got = prepared(
            *("--chips", 3, "--neurons", 7, "--decoder", "even", "--seed", 9),
            *("--kappa", 3, "--step", 0.5, "--dead-zone", 0, "--bits", 5),
            *("--synapse", "exponential", "--reset", "subtractive", "--device", "numpy"),
        )
        np.testing.assert_array_equal(got["D"], even_decoder(2, 7, 9, n_chips=3))
        rule = got["rule"]
        assert (rule.kappa, rule.n_bits, rule.step, rule.dead_zone) == (3, 5, 0.5, 0)
        assert (got["synapse"], got["reset"]) == ("exponential", "subtractive")
        assert got["device"] == "numpy"

    @pytest.mark.parametrize(("step", "half"), [(None, 0.02), (0.1, 0.05)])
    def test_literal_is_equation_3(self, prepared, step, half):
        rule = prepared("--literal", *(() if step is None else ("--step", step)))["rule"]
        assert rule.kappa == 1
        assert rule.dead_zone == pytest.approx(half)
        assert rule.step == pytest.approx(2 * half)

    @pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
    def test_few_bits_reach_the_largest_weight(self, prepared, bits):
        rule = prepared("--bits", bits)["rule"]
        assert rule.n_bits == bits
        assert rule.w_max * rule.step >= 1 - 1e-12
        assert rule.step >= 0.04

    def test_quick_is_small(self, prepared):
        assert len(prepared("--quick")["D"]) == 4
        assert len(prepared("--quick", "--chips", 2)["D"]) == 2

    def test_recordings_set_the_number_of_signals(self, prepared, tmp_path):
        np.save(tmp_path / "a.npy", np.random.default_rng(1).normal(size=(1000, 3)))
        got = prepared("--signal", tmp_path / "a.npy", "--sampling-rate", 500)
        assert got["D"].shape == (20, 3, 20)

    @needs_figure1
    def test_published(self, prepared):
        got = prepared("--published", FIGURE1)
        assert got["D"].shape == (1, 2, 20)
