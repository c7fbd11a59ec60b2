"""Short versions of networks that Brian2 publishes as its examples, written anew.

Each function makes a network of the kind that users write: recurrent and sparse, noisy, plastic,
with monitors. They say nothing of blocks, and most of them have none.
"""

from collections.abc import Callable

from brian2 import Network

from .driven import (
    followed_sound,
    if_curve,
    if_curve_hh,
    phase_locking,
    poisson_input,
    reliability,
    stdp,
    synfire,
)
from .recurrent import brunel_hakim, cobahh, cuba, gap_junctions, kremer, vogels

#: By name: what makes the network, and how many seconds of it are worth timing.
EXAMPLES: dict[str, tuple[Callable[..., Network], float]] = {
    "cuba": (cuba, 2.0),
    "cobahh": (cobahh, 0.3),
    "vogels": (vogels, 1.0),
    "brunel_hakim": (brunel_hakim, 0.5),
    "kremer": (kremer, 1.0),
    "stdp": (stdp, 10.0),
    "poisson_input": (poisson_input, 0.5),
    "phase_locking": (phase_locking, 5.0),
    "if_curve": (if_curve, 5.0),
    "if_curve_hh": (if_curve_hh, 2.0),
    "reliability": (reliability, 2.0),
    "synfire": (synfire, 1.0),
    "gap_junctions": (gap_junctions, 0.5),
    "followed_sound": (followed_sound, 1.0),
}
