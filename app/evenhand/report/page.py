"""Figures and pictures come in; one page of HTML goes out: no script, nothing from elsewhere, every text escaped."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from evenhand import __version__
from evenhand.report.figures import Figures
from evenhand.report.pictures import by_axis, percent, pictures_of
from evenhand.report.tally import Estimate

OUTCOMES = {
    "rewritten": "something was open and was filled",
    "unchanged": "nothing was open",
    "shadow": "would have been rewritten",
    "bypass": "a fault of ours; the original went out",
    "opted_out": "the caller or the policy wanted no decision",
}


def page_of(figures: Figures) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for each in (count, lines, percent, between, milliseconds, moment, plain):
        environment.filters[each.__name__] = each
    template = environment.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        f=figures, pictures=pictures_of(figures), drawn=by_axis(figures.drawn), outcomes=OUTCOMES, version=__version__
    )


def count(number: float) -> str:
    return f"{number:,.0f}"


def lines(number: float) -> str:
    return f"{count(number)} line{'' if number == 1 else 's'}"


def between(estimate: Estimate) -> str:
    return f"{percent(estimate.low)} \u2013 {percent(estimate.high)}"


def milliseconds(ms: float) -> str:
    return f"{ms:,.2f} ms" if ms < 10 else f"{ms:,.0f} ms"


def moment(timestamp: str) -> str:
    return timestamp[:19].replace("T", " ") + (" UTC" if timestamp.endswith("Z") else "")


def plain(text: str) -> str:
    """Words of a stranger: what can't be printed is shown by its code, so that nothing hides or turns the line around."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape", "replace").decode() for each in text)
