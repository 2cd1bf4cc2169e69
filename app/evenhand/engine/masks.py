"""Stretches of a prompt that describe nobody: quoted text, prompt-tool syntax, URLs, files, negative prompts. Text in,
spans out."""

import re
from dataclasses import dataclass

from evenhand.flow import Span


@dataclass(frozen=True, slots=True)
class Mask:
    span: Span
    kind: str


_SYNTAX = re.compile(
    r"(?P<syntax><[^<>]{1,200}>|\bembedding:\S+|(?:^|(?<=\s))--?-?(?<=--)[a-z]\w*.*)"
    r"|(?P<url>\bhttps?://\S+|\bwww\.\S+|\b\w[\w-]*\.(?:png|jpe?g|webp|gif|safetensors|ckpt|pt|svg|mp4)\b)"
    r"|(?P<negative>\bnegative prompts?\b\s*:.*)",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(
    r"\"[^\"]{1,400}\"|\u201c[^\u201d]{1,400}\u201d|\u00ab[^\u00bb]{1,400}\u00bb|(?<!\w)['\u2018][^'\u2019\"]{2,120}['\u2019](?!\w)"
)


def find_masks(text: str) -> list[Mask]:
    masks = [Mask(Span(*found.span()), found.lastgroup or "syntax") for found in _SYNTAX.finditer(text)]
    return masks + [Mask(span, "quoted") for span in _quoted(text)]


def _quoted(text: str) -> list[Span]:
    """Quoted stretches, save where the quotes embrace most of the prompt: then they are only its wrapping."""
    spans = [Span(*found.span()) for found in _QUOTED.finditer(text)]
    return [span for span in spans if span.end - span.start < 0.6 * len(text.strip())]
