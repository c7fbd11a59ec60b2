"""Spiking networks with device mismatch, learned on chip, in Brian2."""
