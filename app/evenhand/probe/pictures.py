"""Figures come in; one plot an axis and measure goes out as SVG: each group's rate as a dot with its interval.

Draws on the report's stage, in its colours, without a screen or a font file.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context

from evenhand.probe.figures import Axis, Figures
from evenhand.report.pictures import ACCENT, MUTED, OTHER, ROW, STYLE, WARN, WIDE, interval, name_rows, percent_axis, stage, svg
from evenhand.report.tally import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOOKS = {"guarded": (ACCENT, "o"), "raw": (OTHER, "s")}


def pictures_of(figures: Figures) -> dict[tuple[str, str], str]:
    """By axis and measure; nothing where nothing happened to anybody."""
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph the layout's font lacks is drawn by the reader's own
        return {
            name: svg(rates(axes), f"plot{place}")
            for place, (name, axes) in enumerate(by_plot(figures).items())
            if any(each.tested for each in axes)
        }


def by_plot(figures: Figures) -> dict[tuple[str, str], list[Axis]]:
    """The halves of one axis and measure belong together."""
    found: dict[tuple[str, str], list[Axis]] = {}
    for each in figures.axes:
        found.setdefault((each.axis, each.measure), []).append(each)
    return found


def rates(axes: Sequence[Axis]) -> "Figure":
    values = sorted({group.compared.value for each in axes for group in each.groups})
    flagged = {group.compared.value for each in axes for group in each.groups if group.compared.flagged}
    figure, drawn = stage(len(values), width=WIDE, extra=0.6, row=ROW * (1.3 if len(axes) > 1 else 1.0))
    shifts = dict(zip([each.half for each in axes], (-0.17, 0.17) if len(axes) > 1 else (0.0,), strict=True))
    for each in axes:
        colour, marker = _LOOKS[each.half]
        for group in each.groups:
            one = group.compared
            ink, dot = (WARN, "D") if one.flagged else (colour, marker)
            interval(drawn, values.index(one.value) + shifts[each.half], one.here, ink, marker=dot)
        drawn.axvline(each.overall.share * 100, color=colour, linewidth=1, linestyle=(0, (3, 2)))
        drawn.plot([], [], color=colour, marker=marker, markersize=5, linewidth=1.6, label=each.half)
    drawn.plot([], [], color=MUTED, linewidth=1, linestyle=(0, (3, 2)), label="all groups")
    figure.legend(loc="outside upper right", ncols=3, fontsize=9)
    percent_axis(drawn, max(_highest(each) for each in axes))
    name_rows(drawn, [value + ("  (!)" if value in flagged else "") for value in values])
    return figure


def _highest(axis: Axis) -> float:
    estimates: list[Estimate] = [group.compared.here for group in axis.groups]
    return max(each.high for each in estimates)
