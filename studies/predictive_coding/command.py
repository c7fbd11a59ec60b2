"""Does gradient descent through spikes find predictive coding of a linear system?

Networks of 30 non-leaky neurons are trained from random weights to follow a linear system that two
signals drive, by exact gradients through their spikes (Huh and Sejnowski 2018, Figure 3). Do they
find the slow weights W = U A O and the fast ones W_f = -U O? Then they run as spiking chips in
Brian2: alike, unlike, and unlike with fast weights that go on to learn by the discrete rule.
"""

from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..lab.tracking.recipe import Phase
from ..lab.tracking.run import Study, run, tracking_options
from ..lab.tracking.task import Task
from .figure import figure
from .numbers import describe

A = ((-0.7, 0.36), (-2.3, -0.1))
#: Signals up to 40 Hz: what is slow can be read out of the input without slow weights.
TASK = Task(harmonics=48, activity=200.0, noise=0.05, U_0=1.0, A=A)
PRETRAINED = Path(__file__).parent / "pretrained"
#: Of the rule's comparators: trained weights on ideal chips are nearest to its fixed point.
KAPPA = 2.0
#: The scale of U is held until W_f has caught up, then released.
STUDY = Study(
    TASK,
    phases=(Phase(220, 0.006), Phase(150, 0.002), Phase(100, 0.0007), Phase(50, 0.0007, 0.03)),
    trials=64,
    quick_phases=(Phase(4, 0.006), Phase(2, 0.002), Phase(2, 0.0007, 0.03)),
    quick_trials=4,
    kappa=KAPPA,
    describe=describe,
    figure=partial(figure, A=np.array(A)),
    pretrained=PRETRAINED,
)


@click.command(help=__doc__)
@tracking_options("predictive_coding")
def main(**options: Any) -> None:
    run(STUDY, options)
