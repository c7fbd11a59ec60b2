"""Brian2 equations and nothing else: text that can be read, printed and reused alone."""

from . import dpi, drive, erbp, homeostasis, lif, nif, qif, slow, traces

__all__ = ["dpi", "drive", "erbp", "homeostasis", "lif", "nif", "qif", "slow", "traces"]
