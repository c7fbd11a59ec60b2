"""What each shortcut of a circuit costs in yield: bits, offsets, copies, targets, noise, drift."""
