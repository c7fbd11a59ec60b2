"""Fit the parameters of a learning circuit to recorded traces, and say what the recordings fix."""

from .command import main

main()
