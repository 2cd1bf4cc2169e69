"""The seam to the language model: words come in as tokenised, a label and its probability a word go out.

The only room that imports spaCy, and only when the shipped pipeline is loaded. Knows no rule and decides nothing.
"""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from evenhand.errors import SettingsError
from evenhand.model import LABELS, PIPELINE
from evenhand.model.features import ROWS, writable
from evenhand.model.lexicon import shipped
from evenhand.model.network import Floats, Network, shapes

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from thinc.api import Model

Reading = tuple[str, float]
ARCHITECTURE = "evenhand.WordTagger.v1"


class Tagger(Protocol):
    """Words come as written, in their own case: a capital tells names from nouns."""

    def tags(self, words: Sequence[str]) -> list[str]: ...

    def read(self, words: Sequence[str]) -> list[Reading]: ...


class NoTagger:
    """Blank English: sees words and marks nothing."""

    def tags(self, words: Sequence[str]) -> list[str]:
        return [LABELS[0]] * len(words)

    def read(self, words: Sequence[str]) -> list[Reading]:
        return [(LABELS[0], 0.0)] * len(words)


class NetworkTagger:
    """The shipped weights without spaCy's documents around them; gives the same labels (a test holds both together)."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def tags(self, words: Sequence[str]) -> list[str]:
        if not words:
            return []
        return [LABELS[number] for number in self.network.read(words).argmax(axis=1).tolist()]

    def read(self, words: Sequence[str]) -> list[Reading]:
        if not words:
            return []
        return _readings(self.network.read(words))


def _readings(chances: Floats) -> list[Reading]:
    best = chances.argmax(axis=1).tolist()
    return list(zip(map(LABELS.__getitem__, best), chances.max(axis=1).tolist(), strict=True))


class SpacyTagger:
    """One pipeline a thread; strings a prompt brings in are forgotten with the call."""

    def __init__(self, load: Callable[[], "Language"]) -> None:
        self._load = load
        self._mine = threading.local()

    def tags(self, words: Sequence[str]) -> list[str]:
        if not words:
            return []
        nlp = self._nlp()
        with nlp.memory_zone():
            return [word.tag_ for word in self._annotated(nlp, words)]

    def read(self, words: Sequence[str]) -> list[Reading]:
        if not words:
            return []
        nlp = self._nlp()
        with nlp.memory_zone():
            return _readings(nlp.get_pipe("tagger").model.predict([_document(nlp, words)])[0])  # type: ignore[attr-defined]

    def _nlp(self) -> "Language":
        if not hasattr(self._mine, "nlp"):
            self._mine.nlp = self._load()
        nlp: Language = self._mine.nlp
        return nlp

    def _annotated(self, nlp: "Language", words: Sequence[str]) -> "Doc":
        doc = _document(nlp, words)
        for _, pipe in nlp.pipeline:
            doc = pipe(doc)
        return doc


def _document(nlp: "Language", words: Sequence[str]) -> "Doc":
    from spacy.tokens import Doc

    return Doc(nlp.vocab, words=writable(words))


def load_tagger(path: Path = PIPELINE) -> SpacyTagger:
    """The shipped pipeline.

    Raises:
        SettingsError: the weights are not where the package keeps them.
    """
    _weights_file(path)
    return SpacyTagger(lambda: load_pipeline(path))


def load_network_tagger(path: Path = PIPELINE) -> NetworkTagger:
    """The same weights read from the pipeline's own file, so that neither spaCy nor thinc is imported to decide a prompt.

    BLAS is kept to one thread in this process: at these sizes more threads only wait for each other.

    Raises:
        SettingsError: the weights are not where the package keeps them.
    """
    import srsly
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")
    return NetworkTagger(Network(srsly.msgpack_loads(_weights_file(path).read_bytes())["params"][0], shipped()))


@lru_cache(maxsize=1)
def shipped_tagger() -> NetworkTagger:
    """One for the process: it only reads its weights, and remembers words."""
    return load_network_tagger()


def _weights_file(path: Path) -> Path:
    file = path / "tagger" / "model"
    if not file.exists():
        raise SettingsError(f"the language model is missing at {path}; install the package anew, or train it with 'make train'")
    return file


def load_pipeline(path: Path = PIPELINE) -> "Language":
    import spacy

    register()
    nlp = spacy.load(path)
    for label in LABELS:
        nlp.vocab.strings.add(label)
    return nlp


@lru_cache(maxsize=1)
def register() -> None:
    """Tells spaCy how to build our network, so that `spacy.load` finds it by name."""
    from spacy.util import registry

    registry.architectures.register(ARCHITECTURE, func=build_model)


def build_model(nO: int | None = None) -> "Model[Any, Any]":
    """A thinc model over whole documents: lists of Doc -> lists of probabilities, one row a word.

    Its weights come from disk; spaCy passes the count of labels as `nO`.
    """
    from thinc.api import Model

    built: list[Network] = []

    def forward(model: "Model[Any, Any]", docs: Any, is_train: bool) -> tuple[Any, Callable[[Any], Any]]:
        if not built:
            built.append(Network({name: cast(Floats, model.get_param(name)) for name in model.param_names}, shipped()))
        return [built[0].read([word.text for word in doc]) for doc in docs], _no_gradient

    return Model("word_tagger", forward, params=dict.fromkeys(shapes(ROWS)), dims={"nO": nO or len(LABELS)})


def _no_gradient(grads: Any) -> Any:
    raise SettingsError("the shipped tagger does not learn through spaCy; train it with 'make train'")
