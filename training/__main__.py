"""python -m training            train, measure, write the pipeline (about ten minutes on one core)
python -m training measure [GOLD...]   measure the shipped pipeline, and its heads on files of labelled subjects
python -m training lexicon | names     build the word table (needs spacy-lookups-data and WordNet) or the name lists (needs faker)
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a second thread costs more than it brings, and changes sums


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            _train()
        case ["measure", *golds]:
            _measure([Path(gold) for gold in golds])
        case ["lexicon"]:
            from evenhand.model import LEXICON
            from training.lexicon_build import build

            build().save(LEXICON)
        case ["names"]:
            from training.people_names import collect

            collect()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def _train() -> None:
    from training.pipeline import write_pipeline
    from training.train import Recipe, train

    began = time.perf_counter()
    weights = train(Recipe())
    written = write_pipeline(weights)
    print(f"trained in {(time.perf_counter() - began) / 60:.1f} minutes; {written / 1e6:.1f} MB written")
    _measure([])


def _measure(golds: list[Path]) -> None:
    from evenhand.engine.tagger import load_tagger
    from training.measure import FRESH, heads, held_out, score
    from training.train import unseen

    tags = load_tagger().tags
    print("authored prompts:", *score(held_out(), tags).lines(), sep="\n")
    print("authored prompts nobody looked at while building:", *score(held_out(FRESH), tags).lines(), sep="\n")
    print("grammar with words and names kept back:", *score(unseen(3000), tags).lines(), sep="\n")
    for gold in golds:
        print(f"{gold.name}: {heads(gold, tags)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
