"""The shipped language model: lexicon and word features -> rows of one table -> a small network -> a label a word.

Pure numpy; no spaCy here (that is `evenhand.engine.tagger`), no rules, no decisions. MODEL_CARD.md tells data and scores.
"""

from pathlib import Path

LABELS: tuple[str, ...] = ("O", "HEAD", "NAME", "SRC", "ATTR", "BODY", "REF")
HOME = Path(__file__).parent / "en"
LEXICON = HOME / "lexicon.npz"
PIPELINE = HOME / "pipeline"
