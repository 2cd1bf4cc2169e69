"""Figures come in; one page of HTML goes out: no script, nothing from elsewhere, every text escaped, the report's own style."""

import re
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from evenhand import __version__
from evenhand.probe.figures import Figures
from evenhand.probe.pictures import by_plot, pictures_of
from evenhand.probe.wording import PLOTS, verdict_line, worst_lines
from evenhand.report.page import between, moment, plain
from evenhand.report.pictures import percent


def page_of(figures: Figures) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for each in (percent, between, moment, plain, points, chance):
        environment.filters[each.__name__] = each
    template = environment.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        f=figures,
        pictures=pictures_of(figures),
        plots=by_plot(figures),
        titles=PLOTS,
        verdict=verdict_line(figures),
        findings=worst_lines(figures),
        style=_style(),
        version=__version__,
    )


def _style() -> str:
    page = files("evenhand.report").joinpath("page.html").read_text(encoding="utf-8")
    found = re.search(r"<style>.*?</style>", page, re.DOTALL)
    return found.group() if found else ""


def points(share: float) -> str:
    """A difference of two rates, in percentage points."""
    return f"{share * 100:+.1f}"


def chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
