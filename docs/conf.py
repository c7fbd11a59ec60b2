"""Sphinx: ``python -m sphinx -W --keep-going -b html docs docs/_build/html``, or ``make docs``.

The tutorials are MyST notebooks. They are executed when the site is built, and again when they
change; an error in one of them, or any warning, fails the build.
"""

import os
import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
os.environ["PYTHONPATH"] = sys.path[1]  # notebooks run with this checkout

project = "ebn_brian"
author = "The ebn_brian authors"
copyright = author
version = release = version_of("ebn_brian")

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_nb", "mathml", "symbols"]
html_math_renderer = "mathml"
exclude_patterns = ["_build"]

# Tutorials
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_output_stderr = "remove"  # the progress of compilers
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_ipywidgets_js: dict[str, dict] = {}
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Reference
default_role = "py:obj"
highlight_language = "none"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # types stand in the docstrings where they matter
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# Appearance
html_theme = "pydata_sphinx_theme"
html_title = "ebn_brian"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "default",
}


def literal(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]):
    """Docstrings write ``|D|^2`` as it is; RST would take it for a substitution."""
    lines[:] = [re.sub(r"(?<!`)\|D\|\^2", "``|D|^2``", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", literal)
