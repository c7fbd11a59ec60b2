"""Inputs: smoothed noise as in the paper, and the user's own recordings.

A drive c is a Quantity in Hz of shape (n_steps, n_signals): the derivative part of the signal
``dx/dt = -x/tau_m + c`` that a network encodes. Entry k is what acts in the step at t = k dt. Input
without end is a function that returns any part of it, a `Drive`.
"""

from .drives import Drive, noise_drive, repeated_drive, split, training_steps, window
from .files import read
from .noise import SIGMA, STD, noise_rms, smoothed_noise
from .recordings import MAX_CHANNELS, MIN_DURATION, load, recording_drive

__all__ = [
    "MAX_CHANNELS",
    "MIN_DURATION",
    "SIGMA",
    "STD",
    "Drive",
    "load",
    "noise_drive",
    "noise_rms",
    "read",
    "recording_drive",
    "repeated_drive",
    "smoothed_noise",
    "split",
    "training_steps",
    "window",
]
