"""Stretches of a prompt that describe nobody: quoted text, prompt-tool syntax, URLs, files, negative prompts. Text in,
spans out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from evenhand.engine.tokens import Tokens
from evenhand.flow import Span


@dataclass(frozen=True, slots=True)
class Mask:
    span: Span
    kind: str


ENDINGS = ("png", "jpg", "jpeg", "webp", "gif", "safetensors", "ckpt", "pt", "svg", "mp4")
_SYNTAX = re.compile(
    r"(?P<syntax><[^<>]{1,200}>|\bembedding:\S+|(?:^|(?<=\s))--?-?(?<=--)[a-z]\w*.*)"
    r"|(?P<url>\bhttps?://\S+|\bwww\.\S+)"
    rf"|(?P<file>(?<![\w-])-*+\w[\w-]*+\.(?:{'|'.join(ENDINGS)})\b)"  # tried once a run of letters, so linear
    r"|(?P<negative>\bnegative prompts?\b\s*:.*)",
    re.IGNORECASE | re.DOTALL,
)
# One of these stands, in whatever case, in every text that _SYNTAX finds something in.
_SIGNS = ("<", "embedding:", "--", "http", "www.", "negative prompt", *(f".{ending}" for ending in ENDINGS))
_QUOTED = re.compile(
    r"\"[^\"]{1,400}\"|\u201c[^\u201d]{1,400}\u201d|\u00ab[^\u00bb]{1,400}\u00bb|(?<!\w)['\u2018][^'\u2019\"]{2,120}['\u2019](?!\w)"
)
_QUOTES = ('"', "'", "\u201c", "\u00ab", "\u2018")
WRAPPING = 0.6  # quotes around so much of the prompt are only its wrapping


def masked_tokens(tokens: Tokens) -> dict[int, Mask]:
    return {index: mask for mask in find_masks(tokens.text) for index in range(*tokens.at(mask.span))}


def find_masks(text: str) -> list[Mask]:
    folded = text.casefold()
    signed = any(sign in folded for sign in _SIGNS)
    masks = [_mask(found) for found in _SYNTAX.finditer(text)] if signed else []
    return masks + [Mask(span, "quoted") for span in _quoted(text)]


def _mask(found: re.Match[str]) -> Mask:
    start, end = found.span()
    if found["file"]:
        return Mask(Span(end - len(found["file"].lstrip("-")), end), "url")
    return Mask(Span(start, end), found.lastgroup or "syntax")


def _quoted(text: str) -> Iterable[Span]:
    if not any(quote in text for quote in _QUOTES):
        return ()
    longest = WRAPPING * len(text.strip())
    spans = (Span(*found.span()) for found in _QUOTED.finditer(text))
    return [span for span in spans if span.end - span.start < longest]
