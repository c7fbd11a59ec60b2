"""The report of a design: one page of answers, figure, numbers and provenance, PDF and HTML."""

import base64
import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from ..lab.results import whole
from .answers import answers, digits, percent, specification
from .figure import panels
from .file import Design
from .numbers import KINDS
from .plan import Plan
from .schema import PARAMETERS

A4 = 8.27, 11.69
#: Characters of a line of the page.
WIDTH = 112
MONOSPACED = {"family": "DejaVu Sans Mono"}

Rows = Sequence[Sequence[str]]


def table_of_chips(summary: Mapping[str, Any]) -> Rows:
    """Medians and worst chips, with and without homeostasis and clean."""
    head = ["", "yield", "rate / Hz", "error nominal", "refitted", "learned", "updates / s"]
    measures = ("rate_hz", "error_nominal", "error_refitted", "error_learned", "updates_hz")
    rows = [head]
    for kind in KINDS.values():
        rows += [
            [f"{kind}, median", percent(summary[f"yield_{kind}"])]
            + [digits(summary[f"{m}_{kind}_median"]) for m in measures],
            [f"{kind}, worst", ""] + [digits(summary[f"{m}_{kind}_worst"]) for m in measures],
        ]
    clean = [digits(summary[f"{m}_clean_median"]) for m in measures[:-1]]
    return [*rows, ["clean, median", "", *clean, ""]]


def table_of_parameters(summary: Mapping[str, Any], design: Design) -> Rows:
    """What has mismatch, and what it costs."""
    rows = [["", "CV", "chip to chip", "cost x", "95 % interval", "yield without", "yield alone"]]
    chip = {p.name: p.chip for p in design.parameters}
    for name in summary["ranked"].split(", "):
        cost, low, high = (summary[f"cost_of_{name}{s}"] for s in ("", "_low", "_high"))
        rows.append(
            [PARAMETERS[name][0], percent(summary[f"cv_{name}"]), percent(chip[name])]
            + [f"{cost:.3g}", f"{low:.3g} to {high:.3g}"]
            + [percent(summary[f"yield_{of}_{name}"]) for of in ("without", "alone")]
        )
    return rows


def source(summary: Mapping[str, Any]) -> str:
    """Where it comes from, in a few words."""
    given = summary["provenance"]
    packages = ("ebn_brian", "brian2", "numpy")
    versions = ", ".join(f"{name} {given['versions'][name]}" for name in packages)
    return f"{given['command']}; {versions}; {given['machine']}; {given['finished']}"


def page(data: xr.Dataset, summary: Mapping[str, Any], design: Design, plan: Plan) -> Figure:
    """The page, A4."""
    sns.set_theme(context="paper", style="ticks")
    fig = Figure(figsize=A4, layout="constrained")
    parts = fig.subfigures(4, 1, height_ratios=(2.3, 6.3, 2.7, 0.4))
    words, picture, numbers, foot = np.asarray(parts)
    style = {"va": "top", "ha": "left"}
    words.text(0.04, 0.93, design[""]["title"], fontsize=13, fontweight="bold", **style)
    given = answers(summary, design, plan)
    lines = [f"Specification of a chip: {specification(design)}."]
    lines += [f"{question}: {answer}" for question, answer in given.items()]
    text = "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="    ") for line in lines)
    words.text(0.04, 0.79, text, fontsize=8, linespacing=1.35, **style)
    panels(picture, data, summary, design, plan)
    for rows, x in ((table_of_chips(summary), 0.96), (table_of_parameters(summary, design), 0.52)):
        numbers.text(0.04, x, aligned(rows), fontsize=6.6, linespacing=1.4, **MONOSPACED, **style)
    foot.text(0.04, 0.9, textwrap.fill(source(summary), 140), fontsize=6, color="0.4", **style)
    return fig


def aligned(rows: Rows) -> str:
    """A table in characters of one width."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "   ".join(
            cell.rjust(width) if k else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def write(
    out: Path,
    data: xr.Dataset,
    summary: Mapping[str, Any],
    design: Design,
    plan: Plan,
    figure: Figure,
) -> None:
    """report.pdf and report.html, whole or not at all."""
    title = design[""]["title"]
    about = {"Title": title, "Subject": source(summary)}
    sheet = page(data, summary, design, plan)

    def pdf(path: Path) -> None:
        with PdfPages(path, metadata=about) as pages:
            pages.savefig(sheet)

    whole(out / "report.pdf", pdf)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    html = _template().render(
        title=title,
        specification=specification(design),
        answers=answers(summary, design, plan),
        image=base64.b64encode(image.getvalue()).decode(),
        tables=[table_of_chips(summary), table_of_parameters(summary, design)],
        source=source(summary),
        design=design.text,
    )
    whole(out / "report.html", lambda path: path.write_text(html, "utf-8"))


def _template() -> jinja2.Template:
    text = Path(__file__).with_name("report.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(text)
