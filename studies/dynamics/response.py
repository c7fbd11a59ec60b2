"""What taught networks do without their teacher, and how near that is to the system."""

from dataclasses import dataclass

import numpy as np
from brian2 import Hz, Quantity, second

from ebn_brian import decoding
from ebn_brian.checks import Floats, Integers
from ebn_brian.training import DT, State, Training, steps

from .systems import DRIVEN, FREE, HELD, JUDGED, PULSED, System


@dataclass(frozen=True)
class Response:
    """Signal (n_steps, n_signals), reconstructions (n_chips, n_steps, n_signals), spikes."""

    x: Floats
    x_hat: Floats
    i: Integers
    step: Integers
    n_neurons: int

    def rmse(self, first: int, last: int) -> Floats:
        """Root of the squared error over the squared signal, (n_chips,)."""
        x, error = self.x[first:last], (self.x - self.x_hat)[:, first:last]
        return np.sqrt((error**2).sum((1, 2)) / (x**2).sum())

    def correlation(self, first: int, last: int) -> Floats:
        """Of the reconstruction and the signal, (n_chips,); 0 where nothing moves."""
        x, x_hat = self.x[first:last].ravel(), self.x_hat[:, first:last]
        rows = x_hat.reshape(len(x_hat), -1)
        moves = np.ptp(rows, axis=1) > 0
        return np.array(
            [np.corrcoef(x, row)[0, 1] if m else 0 for row, m in zip(rows, moves, strict=True)]
        )


def respond(
    training: Training, state: State, system: System, seed: int, stream: str, readout: Floats
) -> Response:
    """Of networks that are no longer taught, to a command they have not seen."""
    driven = PULSED if system.nonlinear else DRIVEN
    length = HELD + FREE if system.recording else driven + FREE * (system.nonlinear is None)
    c = system.drive(length, seed, stream, driven)
    alone = {**training.given, "neurons.K": 0 * Hz, f"{system.group}.eta": 0 * Hz**2}
    held = {**alone, "neurons.K": 100 * Hz}
    parts = []
    for values, end in ((held, HELD * bool(system.recording)), (alone, len(c) * DT)):
        for part in training.using(values=values).advance(
            state, lambda a, n: c[a : a + n], steps(end) - state.n_steps, plastic=False
        ):
            parts.append(part)
            state = part.state
    i, step = (np.concatenate([getattr(p, name) for p in parts]) for name in ("i", "step"))
    n_chips, _, n_neurons = readout.shape
    x = decoding.leaky_integral(c[:, system.n_signals :], system.tau_m, DT)
    x_hat = decoding.decode(i, step * DT, readout, len(c), system.tau_m, DT, n_chips)
    return Response(x, x_hat, i, step, n_neurons)


def measures(response: Response, system: System) -> dict[str, Floats]:
    """`rmse`, `agreement` and `rate_hz` of each network.

    `agreement` is the correlation while it is left to itself, of nonlinear systems that while it is
    pushed, or of the bistable one the share of time in the right well.
    """
    n_chips, n_steps, _ = response.x_hat.shape
    if system.nonlinear:
        first = steps(1 * second)  # by then a pulse has put it into a well
        rmse, agreement = response.rmse(first, n_steps), response.correlation(first, n_steps)
        if system.nonlinear.wells:
            right = np.sign(response.x_hat) == np.sign(response.x)
            agreement = right[:, first:].mean((1, 2))
    elif system.recording:
        first, last = steps(HELD), steps(HELD + JUDGED)
        rmse, agreement = response.rmse(first, last), response.correlation(first, last)
    else:
        end = steps(DRIVEN)
        rmse = response.rmse(0, end)
        agreement = response.correlation(end, end + steps(1.5 * second))
    duration: Quantity = n_steps * DT
    rate = decoding.rate_hz(response.i, response.n_neurons, duration, n_chips)
    return {"rmse": rmse, "agreement": agreement, "rate_hz": rate}
