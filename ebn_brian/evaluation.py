"""What the code of chips with fixed weights is worth."""

from dataclasses import dataclass
from functools import cached_property

from brian2 import Quantity, ms

from . import balance, decoding
from .checks import Floats, Integers
from .chips import Blueprint

#: Time step of chips that are trained and evaluated.
DT = 0.1 * ms


@dataclass(frozen=True)
class Evaluation:
    """Spikes of chips with fixed weights, and what their code is worth (see `decoding`)."""

    chips: Blueprint
    Omega: Floats
    D_eff: Floats
    """Effective decoders, (n_chips, n_signals, n_neurons)."""
    c: Quantity
    i: Integers
    step: Integers

    @property
    def t(self) -> Quantity:
        """Times of the spikes."""
        return self.step * DT

    @cached_property
    def measures(self) -> dict[str, Floats]:
        """Distance and correlation to the optimum, errors and rate, (n_chips,) each.

        ``error`` is that of the nominal decoder, ``error_effective`` that of the effective one.
        """
        optimal, layout = self.chips.optimal, self.chips.layout
        duration = len(self.c) * DT
        return {
            "distance": balance.distance(self.Omega, optimal),
            "correlation": balance.correlation(self.Omega, optimal),
            "error": decoding.error(*self.signals(), DT),
            "error_effective": decoding.error(*self.signals(self.D_eff), DT),
            "rate_hz": decoding.rate_hz(self.i, layout.n_neurons, duration, layout.n_chips),
        }

    @cached_property
    def paper_error(self) -> Floats:
        """The paper's own measure, (n_chips,)."""
        n_chips = self.chips.layout.n_chips
        return decoding.paper_error(self.i, self.t, self.chips.D, self.c, DT, n_chips=n_chips)

    def signals(self, D: Floats | None = None) -> tuple[Floats, Floats]:
        """``x`` (n_steps, n_signals) and ``x_hat`` (n_chips, n_steps, n_signals).

        Read with the decoders `D`, (n_chips, n_signals, n_neurons), nominal ones by default.
        """
        chips, D = self.chips, self.chips.D if D is None else D
        x = decoding.leaky_integral(self.c, chips.tau, DT)
        return x, decoding.decode(
            self.i, self.t, D, len(self.c), chips.tau, DT, chips.layout.n_chips
        )

    def spikes_per_step_max(self) -> int:
        """The most spikes of one chip in one time step."""
        n_neurons = self.chips.layout.n_neurons
        return decoding.spikes_per_step_max(self.i, self.t, n_neurons, DT)
