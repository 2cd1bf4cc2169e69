import io

import pytest
from PIL import Image

from evenhand.proxy.demo.card import card


@pytest.mark.parametrize(("output_format", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_formats_and_sizes(output_format: str, kind: str) -> None:
    picture = Image.open(io.BytesIO(card("a doctor", width=256, height=512, number=1, output_format=output_format)))
    assert (picture.format, picture.size) == (kind, (256, 512))


@pytest.mark.parametrize("prompt", ["", "x" * 20_000, "a\nb\r\n\tc", "日本語 \U0001f600 \x00", "word " * 2_000])
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    assert card(prompt, width=256, height=256, number=1).startswith(b"\x89PNG")


def test_other_words_and_progress_make_other_pictures() -> None:
    pictures = {
        card(prompt, width=256, height=256, number=1, progress=part) for prompt in ("a doctor", "a nurse") for part in (0.5, 1)
    }
    assert len(pictures) == 4
