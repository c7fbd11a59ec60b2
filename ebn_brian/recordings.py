"""Reading recordings from files: `ebn_brian.signals.files` under the name that scripts know."""

from .signals.files import Recording, read

__all__ = ["Recording", "read"]
