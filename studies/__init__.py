"""Studies: one question each, run as ``python -m studies.NAME``."""

import ebn_brian  # noqa: F401 - before Brian2, which it imports whatever the command line holds
