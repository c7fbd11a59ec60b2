"""The readout inside the simulation against the same measures of its spikes."""

import warnings

import numpy as np
import pytest
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    TimedArray,
    ms,
    second,
)
from spike_trains import DT, TAU, spikes

from ebn_brian import decoding
from ebn_brian.chips.decoders import random_decoder
from ebn_brian.seeds import generator


class TestOnline:
    def run_prescribed(self, n_signals=2, n_chips=3, n_steps=3000, offset=0.0, **options):
        """Readout of prescribed spikes beside the batch reconstruction of the same."""
        n_neurons = 4
        i, t, _ = spikes(n_chips, n_neurons, n_steps, seed=n_signals, per_neuron=60)
        silent = i // n_neurons == n_chips - 1
        i, t = i[~silent], t[~silent]  # the last chip
        D = random_decoder(n_signals, n_neurons, seed=n_signals, n_chips=n_chips)
        c = (generator(1, "c").normal(size=(n_steps, n_signals)) * 1000 + offset) * Hz
        source = SpikeGeneratorGroup(n_chips * n_neurons, i, t, dt=DT)
        drive = TimedArray(c, dt=DT)
        readout = decoding.online_readout(source, D, drive, tau_m=TAU, **options)
        Network(source, *readout.objects).run(n_steps * DT)
        x = decoding.leaky_integral(c, TAU, DT)
        return readout, x, decoding.decode(i, t, D, n_steps, TAU, DT), i, t

    @pytest.mark.parametrize("n_signals", [1, 2, 3])
    def test_agrees_with_batch(self, n_signals):
        readout, x, x_hat, i, t = self.run_prescribed(n_signals)
        np.testing.assert_allclose(readout.error(), decoding.error(x, x_hat, DT), rtol=1e-9)
        nominal = decoding.error_nominal(x, x_hat, DT)
        np.testing.assert_allclose(readout.error_nominal(), nominal, rtol=1e-9)
        late = i[t > 99.95 * ms]
        rate = decoding.rate_hz(late, 4, 200 * ms, n_chips=3)
        np.testing.assert_allclose(readout.rate_hz(), rate, rtol=1e-12)
        assert (rate[:2] > 0).all()
        assert readout.error()[2] == 1
        assert (readout.error()[:2] < 1).all()
        for j in range(n_signals):
            state = getattr(readout.readout, f"x_hat_{j}")[:]
            np.testing.assert_allclose(state, x_hat[:, -1, j], atol=1e-12)

    def test_start_sample_and_windows(self):
        readout, x, x_hat, i, t = self.run_prescribed(
            start=20 * ms, sample=0.5 * ms, every=100 * ms
        )
        thinned = x[::5], x_hat[:, ::5], 0.5 * ms
        whole = decoding.error(*thinned, start=20 * ms)
        np.testing.assert_allclose(readout.error(), whole, rtol=1e-9)
        windows = readout.windows()
        assert windows.error().shape == (3, 3)
        steps = np.rint(t / DT).astype(int)
        for k, first in enumerate((200, 1000, 2000)):
            part, last = slice(first // 5, 200 * (k + 1)), 1000 * (k + 1)
            expected = decoding.error(x[::5][part], x_hat[:, ::5][:, part], DT, start=0 * ms)
            np.testing.assert_allclose(windows.error()[k], expected, rtol=1e-8)
            inside = i[(steps >= first) & (steps < last)]
            rate = decoding.rate_hz(inside, 4, (last - first) * DT, n_chips=3)
            np.testing.assert_allclose(windows.rate_hz()[k], rate, rtol=1e-12)

    def test_goes_on_over_runs(self):
        whole = self.run_prescribed()[0]
        i, t, _ = spikes(3, 4, 3000, seed=2, per_neuron=60)
        keep = i < 8
        source = SpikeGeneratorGroup(12, i[keep], t[keep], dt=DT)
        D = random_decoder(2, 4, seed=2, n_chips=3)
        c = generator(1, "c").normal(size=(3000, 2)) * 1000 * Hz
        parts = decoding.online_readout(source, D, TimedArray(c, dt=DT), tau_m=TAU)
        network = Network(source, *parts.objects)
        for duration in (50, 130, 120):
            network.run(duration * ms)
        np.testing.assert_allclose(parts.error(), whole.error(), rtol=1e-12)
        np.testing.assert_allclose(parts.rate_hz(), whole.rate_hz(), rtol=1e-12)

    def test_offset_costs_what_is_documented(self):
        """A mean of 100 standard deviations leaves 1e-12*100^2 of the variance."""
        readout, x, x_hat, *_ = self.run_prescribed(offset=1e6, start=199 * ms)
        assert x[1990:].mean() / x[1990:].std() > 50
        expected = decoding.error(x, x_hat, DT, start=199 * ms)
        np.testing.assert_allclose(readout.error(), expected, rtol=1e-7)

    def test_nothing_sampled_yet_is_nan_without_warning(self):
        readout, *_ = self.run_prescribed(n_steps=100)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isnan(readout.error()).all()
            assert np.isnan(readout.error_nominal()).all()
            assert np.isnan(readout.rate_hz()).all()

    def test_network_of_integrators(self):
        """A network that spikes by itself, D shared by its chips."""
        D = random_decoder(2, 10, seed=3)
        c = 3000 * np.stack([np.sin(np.arange(4000) / 300), np.cos(np.arange(4000) / 300)], 1) * Hz
        drive = TimedArray(c, dt=DT)
        neurons = NeuronGroup(
            20,
            """dv/dt = -v/tau + f_0*drive(t, 0) + f_1*drive(t, 1) : 1
               f_0 : 1
               f_1 : 1""",
            threshold="v > 0.5",
            reset="v -= 1",
            method="euler",
            dt=DT,
            namespace={"drive": drive, "tau": TAU},
        )
        neurons.f_0, neurons.f_1 = np.tile(D[0], 2), np.tile(D[1], 2)
        neurons.v = "0.4*i/N"  # so that the two chips differ
        monitor = SpikeMonitor(neurons)
        readout = decoding.online_readout(neurons, D, drive, tau_m=TAU)
        Network(neurons, monitor, *readout.objects).run(400 * ms)
        x = decoding.leaky_integral(c, TAU, DT)
        x_hat = decoding.decode(monitor.i, monitor.t, D, 4000, TAU, DT, n_chips=2)
        assert monitor.num_spikes > 1000
        np.testing.assert_allclose(readout.error(), decoding.error(x, x_hat, DT), rtol=1e-9)
        nominal = decoding.error_nominal(x, x_hat, DT)
        np.testing.assert_allclose(readout.error_nominal(), nominal, rtol=1e-9)
        assert readout.error()[0] != readout.error()[1]

    def test_objects_have_their_names(self):
        source = SpikeGeneratorGroup(4, [], [] * second, dt=DT)
        drive = TimedArray(np.ones((5, 1)) * Hz, dt=DT)
        readout = decoding.online_readout(source, np.ones((1, 4)), drive, tau_m=TAU, every=1 * ms)
        names = [each.name for each in readout.objects]
        assert names == ["readout", "decoder", "readout_windows"]

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"D": np.ones((1, 3))}, ValueError, "neurons has 4 elements: must be chips of 3"),
            ({"D": np.ones((3, 1, 2))}, ValueError, "first axis must be n_chips=2"),
            ({"D": np.ones((2, 4))}, ValueError, r"drive has shape \(5, 1\).*\(n_steps, 2\)"),
            ({"tau_m": 0 * ms}, ValueError, "tau_m=.*positive"),
            ({"tau_m": 0.05 * ms}, ValueError, "tau_m=.*at least dt"),
            ({"start": -1 * ms}, ValueError, "start=.*at least 0"),
            ({"sample": 0.25 * ms}, ValueError, "sample=.*whole number of steps"),
            ({"sample": 0.01 * ms}, ValueError, "sample=.*whole number of steps"),
            ({"every": 0 * ms}, ValueError, "every=.*positive"),
            ({"every": 5}, TypeError, "every=5: must be a time"),
        ],
    )
    def test_input_is_checked(self, change, error, message):
        source = SpikeGeneratorGroup(4, [], [] * second, dt=DT)
        drive = TimedArray(np.ones((5, 1)) * Hz, dt=DT)
        good = {"D": np.ones((1, 4)), "drive": drive, "tau_m": TAU}
        with pytest.raises(error, match=message):
            decoding.online_readout(source, **(good | change))

    def test_drive_without_unit_is_refused(self):
        source = SpikeGeneratorGroup(4, [], [] * second, dt=DT)
        with pytest.raises(ValueError, match="drive: must be in hertz"):
            decoding.online_readout(
                source, np.ones((1, 4)), TimedArray(np.ones((5, 1)), dt=DT), tau_m=TAU
            )

    def test_windows_need_every(self):
        readout, *_ = self.run_prescribed(n_steps=20)
        with pytest.raises(ValueError, match="every=None"):
            readout.windows()
