"""A picture for the demo upstream: a readable card with the exact prompt it was asked to draw."""

import hashlib
import io

from PIL import Image, ImageDraw, ImageFont

_INK, _FAINT, _PAPER = (28, 30, 38), (118, 122, 134), (250, 249, 246)
_FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}


def card(prompt: str, *, width: int, height: int, number: int, output_format: str = "png", progress: float = 1.0) -> bytes:
    """The encoded picture. `progress` below 1 shows only a part of the text, as a partial image does."""
    image = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(image)
    margin, band = width // 14, max(6, height // 40)
    draw.rectangle((0, 0, round(width * progress), band), fill=_colour(prompt))
    tiny = max(10, width // 42)
    small = ImageFont.load_default(tiny)
    draw.text((margin, margin // 2 + band), f"image {number}: the prompt as it arrived", font=small, fill=_FAINT)
    shown = prompt if progress >= 1 else prompt[: round(len(prompt) * progress)]
    _write(draw, shown, (margin, margin + 2 * band + tiny), (width - 2 * margin, height - 3 * margin - band))
    draw.text((margin, height - margin), "evenhand demo upstream", font=small, fill=_FAINT)
    buffer = io.BytesIO()
    image.save(buffer, _FORMATS[output_format], **({"compress_level": 1} if output_format == "png" else {}))
    return buffer.getvalue()


def _write(draw: ImageDraw.ImageDraw, text: str, at: tuple[float, float], room: tuple[int, int]) -> None:
    """In the largest type that fits."""
    for size in range(max(16, room[0] // 14), 9, -2):
        font = ImageFont.load_default(size)
        lines = _wrapped(text, font, room[0])
        if len(lines) * size * 1.35 <= room[1]:
            break
    most = max(1, int(room[1] / (size * 1.35)))
    draw.multiline_text(at, "\n".join(lines[:most]), font=font, fill=_INK, spacing=size * 0.35)


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in text[:4_000].splitlines() or [""]:
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


def _colour(prompt: str) -> tuple[int, int, int]:
    red, green, blue = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:3]
    return 60 + red // 2, 60 + green // 2, 60 + blue // 2
