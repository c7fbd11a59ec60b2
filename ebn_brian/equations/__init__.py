"""Brian2 equations and nothing else: text that can be read, printed and reused alone."""

from . import dpi, drive, homeostasis, lif

__all__ = ["dpi", "drive", "homeostasis", "lif"]
