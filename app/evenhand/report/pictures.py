"""Figures come in; SVG goes out, the same bytes for the same figures. Colours are names of the page's style sheet.

Text stays text, so that it can be found, copied and read out. Draws with matplotlib, without a screen or a font file.
"""

import re
import warnings
from collections.abc import Sequence
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from evenhand.report.figures import Drawn, Figures, Overhead, Reasons, Refusals, Row
from evenhand.report.tally import Estimate

# Stand-ins that the page's own colours replace; see page.html.
INK, MUTED, LINE, ACCENT, OTHER, WARN, SOFT = (f"#0{number}0{number}0{number}" for number in range(1, 8))
_NAMES = {INK: "ink", MUTED: "muted", LINE: "line", ACCENT: "accent", OTHER: "other", WARN: "warn", SOFT: "soft"}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "evenhand",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "axes.axisbelow": True,
    "legend.frameon": False,
}
NARROW, WIDE, ROW = 5.4, 7.6, 0.27
LABEL_CHARS = 34


def pictures_of(figures: Figures) -> dict[str, str]:
    """By section, and by place for each axis; a section with nothing to show has none."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph the layout's font lacks is drawn by the reader's own
        made = {
            "outcomes": shares(figures.outcomes),
            "reasons": reasons(figures.reasons),
            "refusals": refusals(figures.refusals),
            "refusals_by_drawn": refused_values(figures.refusals_by_drawn),
            "overhead": overhead(figures.overhead),
            "slowest": lengths([(_tail(each.id), each.overhead_ms, f"{each.overhead_ms:,.1f} ms") for each in figures.slowest]),
            "unknown": lengths([(each.word, each.count, f"{each.count:,.0f}") for each in figures.unknown_words]),
            **{f"drawn_{place}": drawn(rows) for place, rows in enumerate(by_axis(figures.drawn).values())},
        }
        return {name: svg(figure, name) for name, figure in made.items() if figure is not None}


def by_axis(rows: Sequence[Drawn]) -> dict[str, list[Drawn]]:
    return {axis: [row for row in rows if row.axis == axis] for axis in dict.fromkeys(row.axis for row in rows)}


def shares(rows: Sequence[Row]) -> Figure | None:
    return lengths([(row.label, row.estimate.share, percent(row.estimate.share)) for row in rows])


def lengths(rows: Sequence[tuple[str, float, str]]) -> Figure | None:
    return _bars([(*row, ACCENT) for row in rows])


def reasons(found: Sequence[Reasons]) -> Figure | None:
    """For each axis what is open, then the reasons why the rest is not."""
    bars = []
    for each in found:
        closed = [(row.label, row.estimate.share, OTHER) for row in each.reasons]
        parts = [("open", each.open.share, ACCENT), *closed]
        bars += [(f"{each.axis}: {label}", share, colour) for label, share, colour in parts]
    return _bars([(label, share, percent(share), colour) for label, share, colour in bars])


def _bars(rows: Sequence[tuple[str, float, str, str]]) -> Figure | None:
    """Horizontal bars, (label, length, what is said at the end, colour) each."""
    if not rows:
        return None
    figure, axes = stage(len(rows), width=NARROW)
    axes.barh(range(len(rows)), [length for _, length, _, _ in rows], color=[colour for *_, colour in rows], height=0.62)
    for place, (_, length, said, _) in enumerate(rows):
        axes.annotate(said, (length, place), xytext=(4, 0), textcoords="offset points", va="center", color=MUTED)
    axes.set_xlim(0, max(length for _, length, _, _ in rows) * 1.17 or 1)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    name_rows(axes, [label for label, *_ in rows])
    return figure


def drawn(rows: Sequence[Drawn]) -> Figure | None:
    """Share and interval of each value, its target as an upright line; those that leave it out in the colour of warning."""
    if not rows:
        return None
    figure, axes = stage(len(rows), width=NARROW, extra=0.4)
    for place, row in enumerate(rows):
        interval(axes, place, row.estimate, WARN if row.deviates else ACCENT, marker="D" if row.deviates else "o")
        if row.target is not None:
            axes.plot([row.target * 100] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.6)
    lowest = min(min(row.estimate.low, row.target or 1) for row in rows)
    highest = max(max(row.estimate.high, row.target or 0) for row in rows)
    percent_axis(axes, highest, lowest=lowest - (highest - lowest) * 0.15)
    name_rows(axes, [row.value + ("  (!)" if row.deviates else "") for row in rows])
    return figure


def refusals(rows: Sequence[Refusals]) -> Figure | None:
    if not rows:
        return None
    figure, axes = stage(len(rows), width=WIDE, extra=0.6, row=ROW * 1.3)
    for place, row in enumerate(rows):
        for each, shift, colour, marker in ((row.rewritten, -0.17, ACCENT, "o"), (row.untouched, 0.17, OTHER, "s")):
            if each is not None:
                interval(axes, place + shift, each, colour, marker=marker)
    for colour, marker, said in ((ACCENT, "o", "rewritten"), (OTHER, "s", "not rewritten")):
        axes.plot([], [], color=colour, marker=marker, markersize=5, linewidth=1.6, label=said)
    figure.legend(loc="outside upper right", ncols=2, fontsize=9)
    percent_axis(axes, max(each.high for row in rows for each in (row.rewritten, row.untouched) if each))
    name_rows(axes, [row.group for row in rows])
    return figure


def refused_values(rows: Sequence[Refusals]) -> Figure | None:
    """Values are drawn only by a rewrite."""
    found = [(row.group, row.rewritten) for row in rows if row.rewritten]
    if not found:
        return None
    figure, axes = stage(len(found), width=NARROW, extra=0.4)
    for place, (_, each) in enumerate(found):
        interval(axes, place, each, ACCENT, marker="o")
    percent_axis(axes, max(each.high for _, each in found))
    name_rows(axes, [group for group, _ in found])
    return figure


def overhead(found: Overhead | None) -> Figure | None:
    if found is None:
        return None
    figure = Figure(figsize=(NARROW, 2.2), layout="constrained")
    axes = figure.add_subplot()
    starts = [start for start, _, _ in found.bins]
    widths = [end - start for start, end, _ in found.bins]
    axes.bar(
        starts, [count for _, _, count in found.bins], width=widths, align="edge", color=ACCENT, edgecolor=SOFT, linewidth=0.5
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("milliseconds (logarithmic)")
    axes.set_ylabel("decisions")
    for value, said in ((found.p50, "p50"), (found.p99, "p99")):
        axes.axvline(value, color=INK, linewidth=1, linestyle=(0, (3, 2)))
        axes.annotate(said, (value, 1), xycoords=("data", "axes fraction"), xytext=(3, -9), textcoords="offset points")
    axes.grid(axis="y", linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    return figure


def stage(rows: int, *, width: float, extra: float = 0.1, row: float = ROW) -> tuple[Figure, Axes]:
    """Sizes are in inches; rows go from top to bottom."""
    figure = Figure(figsize=(width, rows * row + extra), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_ylim(rows - 0.4, -0.6)
    return figure, axes


def interval(axes: Axes, place: float, each: Estimate, colour: str, *, marker: str) -> None:
    axes.plot([each.low * 100, each.high * 100], [place, place], color=colour, linewidth=2.2, solid_capstyle="round", alpha=0.55)
    axes.plot([each.share * 100], [place], color=colour, marker=marker, markersize=5.5, linestyle="none")


def percent_axis(axes: Axes, highest: float, *, lowest: float = 0.0) -> None:
    axes.set_xlim(max(lowest * 100, 0.0), min(100.0, max(highest * 104, 1.0)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.grid(axis="x", linewidth=0.6)


def percent(share: float) -> str:
    """Two digits where one would say nothing."""
    return f"{share:.1%}" if share == 0 or share >= 0.01 else f"{share:.2%}"


def name_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), [_short(label) for label in labels])


def _short(label: str) -> str:
    """What XML can hold, in one line."""
    plain = "".join(each for each in label if each.isprintable())
    return plain if len(plain) <= LABEL_CHARS else plain[: LABEL_CHARS - 1] + "\u2026"


def _tail(name: str) -> str:
    """The random end of an identifier; the table has the whole."""
    return name if len(name) <= 12 else f"\u2026{name[-8:]}"


_HEAD = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", re.DOTALL)
_SIZE = re.compile(r'(<svg[^>]*?) (?:width|height)="[^"]*"(?= |>)')
_IDS = re.compile(r'((?: id="| xlink:href="#|url\(#))')


def svg(figure: Figure, name: str) -> str:
    """To stand inside a page: its ids are its own, its size the page's."""
    written = StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    plain = _HEAD.sub("", written.getvalue())
    plain = _SIZE.sub(r"\1", _SIZE.sub(r"\1", plain, count=1), count=1)
    for colour, word in _NAMES.items():
        plain = plain.replace(colour, f"var(--{word})")
    return _IDS.sub(rf"\g<1>{name}-", plain).strip()
