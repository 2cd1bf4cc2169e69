"""Word lists under vocab/, words of the shipped lexicon by sense, and people's names; with what is held out for measuring."""

import csv
import random
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from evenhand.model.lexicon import Lexicon
from evenhand.text import plural
from training.people_names import all_first_names, all_last_names, is_held_out
from training.words_by_sense import WordsBySense

_HOME = Path(__file__).parent / "vocab"
# Lists of which one entry in ten is kept for measuring.
PARTED = frozenset({"jobs", "trades", "stars", "figures", "masters", "fantasy", "artists", "famous", "characters", "brands"})
# Lists the rules keep anyway: the name the grammar calls them by, the folder under rules/en, the column, the files.
_RULES = Path(__file__).parents[1] / "rules" / "en"
_BORROWED: tuple[tuple[str, str, str, str], ...] = (
    ("trades", "roles", "one", "arts education farming hobbies hospitality law-and-government medicine office"),
    ("trades", "roles", "one", "rescue-and-military science sports trades transport women"),
    ("plural_persons", "roles", "many", "generic groups education"),
    ("beasts", "bodies", "one", "mammals birds sea-and-small breeds"),
    ("beasts", "cultures", "one", "animals"),
    ("sayings", "collocations", "match", "*"),
    ("sayings", "cultures", "match", "not-people-things"),
    ("dishes", "cultures", "match", "not-people-food"),
    ("towns", "cultures", "match", "cities* regions districts countries"),
    ("stars", "people", "match", "activists actors-* antiquity athletes explorers leaders-* media military monarchs"),
    ("stars", "people", "match", "musicians* religion science us-politics writers"),
    ("figures", "people", "match", "characters-* legends deities"),
    ("masters", "people", "match", "artists-* photographers directors fashion"),
    ("past_events", "periods", "match", "battles treaties events-* eras"),
    ("looks_and_media", "styles", "match", "*"),
    ("props", "things", "match", "*"),
)


def is_kept_back(entry: str) -> bool:
    return crc32(entry.lower().encode()) % 10 == 3


class Vocabulary:
    """`held_out=True` gives the other side: only the entries that training never sees (where a list is parted)."""

    def __init__(self, lexicon: Lexicon, *, held_out: bool = False, folder: Path = _HOME) -> None:
        self.senses = WordsBySense(lexicon)
        self.held_out = held_out
        self._lists = {path.stem: self._read(path) for path in sorted(folder.glob("*.txt"))}
        for name, room, column, patterns in _BORROWED:
            borrowed = _borrowed(_RULES / room, column, patterns.split())
            self._lists.setdefault(name, []).extend(entry for entry in borrowed if self._is_ours(name, entry))
        self._lists |= {f"{name}_plural": [plural(noun) for noun in self._lists[name]] for name in ("animals", "creatures")}
        self._lists |= {f"{name}_plural": [plural(noun) for noun in self._lists[name]] for name in ("jobs", "fantasy")}
        persons = [noun for noun in self.senses.persons if is_kept_back(noun) == held_out]
        self._lists |= {"wordnet_person": persons, "wordnet_person_plural": [plural(noun) for noun in persons]}

    def _read(self, path: Path) -> list[str]:
        entries = [entry.strip() for entry in path.read_text(encoding="utf-8").replace("\n", ",").split(",")]
        return [entry for entry in entries if entry and self._is_ours(path.stem, entry)]

    def _is_ours(self, name: str, entry: str) -> bool:
        return name not in PARTED or is_kept_back(entry) == self.held_out

    def entries(self, name: str) -> list[str]:
        if name not in self._lists:
            raise KeyError(f"the grammar asks for '{name}', which is neither a rule nor a file under training/vocab")
        return self._lists[name]

    def _either(self, dice: random.Random, authored: str, borrowed: str) -> str:
        names = self._lists[authored if dice.random() < 0.4 else borrowed] or self._lists[authored]
        return dice.choice(names)

    def _half(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if is_held_out(name) == self.held_out]

    def generators(self, dice: random.Random) -> dict[str, Callable[[], str]]:
        firsts, lasts = self._half(all_first_names()), self._half(all_last_names())
        things, authored = self.senses.things, self._lists["things"] + self._lists["objects"]
        return {
            "first_name": lambda: dice.choice(firsts),
            "last_name": lambda: dice.choice(lasts),
            "full_name": lambda: f"{dice.choice(firsts)} {dice.choice(lasts)}",
            "common_surnames": lambda: dice.choice(self._lists["common_surnames"]),
            "famous": lambda: self._either(dice, "famous", "stars"),
            "characters": lambda: self._either(dice, "characters", "figures"),
            "artists": lambda: self._either(dice, "artists", "masters"),
            "famous_last": lambda: dice.choice(self._lists["famous"]).split()[-1],
            "initial": lambda: dice.choice("ABCDEFGHJKLMNPRSTVWZ"),
            "number": lambda: str(dice.randint(2, 40)),
            "thing_noun": lambda: dice.choice(things if dice.random() < 0.5 else authored),
            "plural_things": lambda: plural(dice.choice(things if dice.random() < 0.5 else authored)),
            "objects_word": lambda: dice.choice(self._lists["objects"]).split()[-1],
            "food_word": lambda: dice.choice(self._lists["food"]).split()[-1],
            "ing_verb": lambda: dice.choice(self.senses.participles),
            "rare_thing": lambda: dice.choice(self.senses.rare_things),
            "coined": lambda: _coined(dice, things),
            "any_place": lambda: dice.choice(self.senses.places),
            "verb": lambda: dice.choice(self.senses.base_verbs),
            "verb_s": lambda: plural(dice.choice(self.senses.base_verbs)),
            "verb_ed": lambda: dice.choice(self.senses.past_verbs),
            "comparative": lambda: dice.choice(self.senses.comparatives),
            "abstract_noun": lambda: dice.choice(self.senses.abstracts),
            "adverb": lambda: dice.choice(self.senses.adverbs),
            "sense_adjective": lambda: dice.choice(self.senses.adjectives),
        }


def _borrowed(folder: Path, column: str, patterns: list[str]) -> list[str]:
    """Plain phrases of up to four words; aliases count one by one."""
    entries: dict[str, None] = {}
    for path in sorted({path for pattern in patterns for path in folder.glob(f"{pattern}.csv")}):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row.get("case") == "exact" and " " not in (row.get(column) or ""):
                    continue  # an ordinary word in lower case
                entries |= dict.fromkeys(alias.strip() for alias in (row.get(column) or "").split("|"))
    return [
        entry for entry in entries if len(entry) > 2 and entry.count(" ") < 4 and entry[0].isalnum() and " from " not in entry
    ]


def _coined(dice: random.Random, words: list[str]) -> str:
    """A thing nobody has heard of: the front of one word and the back of another."""
    front, back = dice.choice(words), dice.choice(words)
    return front[: dice.randint(2, 4)] + back[-dice.randint(2, 4) :]
