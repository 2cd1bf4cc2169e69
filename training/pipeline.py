"""Weights -> the spaCy pipeline on disk: blank English and one tagger."""

from pathlib import Path

import numpy as np
import spacy

from evenhand.engine.tagger import ARCHITECTURE, register
from evenhand.model import LABELS, PIPELINE
from evenhand.model.network import Weights


def write_pipeline(weights: Weights, *, path: Path = PIPELINE) -> int:
    """Returns the bytes written. The table goes out in half precision."""
    register()
    nlp = spacy.blank("en", meta={"name": "evenhand_people", "version": "1.0.0", "license": "see MODEL_CARD.md"})
    tagger = nlp.add_pipe("tagger", config={"model": {"@architectures": ARCHITECTURE}})
    for label in LABELS:
        tagger.add_label(label)  # type: ignore[attr-defined]
    for name, value in weights.items():
        tagger.model.set_param(name, value.astype(np.float16 if name == "table" else np.float32))  # type: ignore[attr-defined]
    nlp.to_disk(path, exclude=["vocab"])
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
