"""Import Brian2, whatever the names on the command line.

Brian2 writes the command line to a file as it is imported, and cannot where a name in it is no
UTF-8. So this comes before all else that imports it.
"""

import sys

_arguments = sys.argv
sys.argv = [name.encode("utf-8", "replace").decode() for name in _arguments]
try:
    import brian2  # noqa: F401
finally:
    sys.argv = _arguments
