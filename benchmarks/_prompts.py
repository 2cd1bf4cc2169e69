"""Many prompts to measure with: drawn from the training grammar, with the tags people hang on. One seed gives one file.

python benchmarks/_prompts.py 1000000 prompts.jsonl
"""

import json
import random
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PIECE = 5_000  # prompts drawn from one seed
TAGGED = 0.6
QUALITY = ("masterpiece", "best quality", "highly detailed", "8k", "4k uhd", "sharp focus", "intricate", "award winning", "hdr")
LIGHT = ("golden hour", "soft light", "volumetric lighting", "rim light", "overcast", "studio lighting", "dramatic shadows")
CAMERA = ("35mm", "85mm f/1.4", "bokeh", "shot on film", "wide angle", "close-up", "dslr", "drone view", "macro", "long exposure")
MEDIUM = (
    "oil on canvas",
    "concept art",
    "watercolour",
    "digital painting",
    "unreal engine",
    "octane render",
    "line art",
    "matte",
)
PLACES = ("trending on artstation", "cgsociety", "deviantart", "behance", "pixiv")
SWITCHES = ("--ar 16:9", "--v 6", "--stylize 250", "--no text", "<lora:add_detail:0.6>", "(sharp:1.2)", "[blurry]", "--seed 42")
TAGS = (QUALITY, LIGHT, CAMERA, MEDIUM, QUALITY, PLACES)
_SPACED = (
    (re.compile(r" ([,.;:!?)\]}%]|'s\b|n't\b)"), r"\1"),
    (re.compile(r"([(\[{]) "), r"\1"),
    (re.compile(r" ?([-/]) ?"), r"\1"),
)
_NUMBER = re.compile(r"(\d)([.:]) (\d)")


def main(arguments: list[str]) -> int:
    count, path = int(arguments[0]), Path(arguments[1])
    with path.open("w", encoding="utf-8") as out, ProcessPoolExecutor() as pool:
        pieces = pool.map(piece, range(-(-count // PIECE)))
        for number, text in enumerate(islice((text for drawn in pieces for text in drawn), count)):
            out.write(json.dumps({"ref": f"r{number:07}", "prompt": text}, ensure_ascii=False) + "\n")
    return 0


def piece(seed: int) -> list[str]:
    from training.corpus import Corpus

    dice = random.Random(f"tags/{seed}")
    return [tagged(written([word.text for word in words]), dice) for words in Corpus(seed=seed).draw(PIECE)]


def written(words: list[str]) -> str:
    """Words as the grammar gives them, set as people write."""
    text = " ".join(words)
    for found, put in _SPACED:
        text = found.sub(put, text)
    return _NUMBER.sub(r"\1\2\3", text)


def tagged(text: str, dice: random.Random) -> str:
    if dice.random() > TAGGED:
        return text
    tags = [dice.choice(dice.choice(TAGS)) for _ in range(dice.randint(1, 7))]
    tail = f" {dice.choice(SWITCHES)}" if dice.random() < 0.25 else ""
    return ", ".join([text, *tags]) + tail


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
