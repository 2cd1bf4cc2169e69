"""A bar chart as SVG: names with values come in, in order; the text of a file that reads on white and on black goes out."""

from collections.abc import Mapping
from html import escape
from math import log10

WIDTH, NAMES, ROW, HEAD = 760, 290, 30, 44
ROOM = 80  # for the figure behind the longest bar


def bars(title: str, values: Mapping[str, float]) -> str:
    """Lengths are logarithmic and begin a little below the least value."""
    least, most = (log10(max(chosen(values.values()), 0.1)) for chosen in (min, max))
    start = least - 0.3
    parts = [f'<text x="12" y="26" font-size="15" font-weight="600" fill="#808890">{escape(title)}</text>']
    for place, (name, value) in enumerate(values.items()):
        share = (log10(max(value, 0.1)) - start) / max(most - start, 0.1)
        parts.append(_bar(name, value, y=HEAD + place * ROW, length=share * (WIDTH - NAMES - ROOM)))
    height = HEAD + len(values) * ROW + 12
    style = 'font-family="system-ui, sans-serif" font-size="13"'
    told = escape(", ".join(f"{name}: {value:,.0f}" for name, value in values.items()), quote=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {style} role="img" aria-label="{told}">'
    return "\n".join([head, *parts, "</svg>", ""])


def _bar(name: str, value: float, *, y: int, length: float) -> str:
    colour = "#2f7ed8" if name.startswith("Evenhand") else "#9aa3ad"
    return (
        f'<text x="{NAMES - 10}" y="{y + 17}" text-anchor="end" fill="#808890">{escape(name)}</text>'
        f'<rect x="{NAMES}" y="{y + 3}" width="{length:.1f}" height="{ROW - 10}" rx="3" fill="{colour}"/>'
        f'<text x="{NAMES + length + 8:.1f}" y="{y + 17}" fill="#808890">{value:,.0f}</text>'
    )
