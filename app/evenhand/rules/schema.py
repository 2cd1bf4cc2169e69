"""One pydantic model a `kind:`. YAML data comes in, checked models go out; nothing here opens a file.

The field descriptions are the reference that `evenhand schema rules` publishes and editors show.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evenhand.flow import AXES, Axis

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=80)]
Phrase = Annotated[str, Field(min_length=1, max_length=120)]
Pattern = Annotated[str, Field(min_length=1, max_length=1000)]
Years = Annotated[str, Field(pattern=r"^-?\d{1,4}\.\.-?\d{1,4}$", description="Both ends included; negative years are BC.")]
Closes = Literal["all"] | list[Axis]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Forms(Strict):
    """A person noun. The regular plural is derived where `many` is missing; `one` may be missing too ("twins")."""

    one: Phrase | None = None
    many: Phrase | None = None

    @model_validator(mode="after")
    def some_form(self) -> "Forms":
        if self.one is None and self.many is None:
            raise ValueError("a noun needs 'one', 'many' or both")
        return self


class Example(Strict):
    """`vary` lists exactly the axes varied anywhere in `say`; `leave` lists axes (or all) that nobody's draw may touch."""

    say: str = Field(min_length=1)
    vary: list[Axis] | None = None
    leave: Closes | None = None
    subjects: dict[str, list[Axis]] | None = Field(
        default=None, description="Head word as written -> exactly the axes varied there."
    )
    because: list[str] = Field(default=[], description="Rule ids (kind/id) that must be among the reasons or notes.")
    seed: int | None = None
    becomes: str | None = Field(default=None, description="The rewrite, word for word; needs `seed`.")
    why: str = ""

    @model_validator(mode="after")
    def asks_something(self) -> "Example":
        if self.vary is None and self.leave is None and self.subjects is None and self.becomes is None:
            raise ValueError("an example needs 'vary', 'leave', 'subjects' or 'becomes'")
        if self.becomes is not None and self.seed is None:
            raise ValueError("'becomes' needs 'seed'")
        return self


class Rule(Strict):
    id: Slug
    match: list[Phrase | Forms] = Field(
        default=[], description="Phrases, or {one, many} for a noun that puts a person in the picture."
    )
    patterns: list[Pattern] = Field(default=[], description="RE2 expressions over the prompt as typed, matched at word borders.")
    words: str | None = Field(
        default=None,
        alias="list",
        description="A CSV file beside this one with columns match, or one and many; more phrases for this rule.",
    )
    case: Literal["any", "exact"] = "any"
    why: str = Field(min_length=1)
    source: str | None = None
    examples: list[Example] = Field(min_length=1)

    @model_validator(mode="after")
    def matches_something(self) -> "Rule":
        if not (self.match or self.patterns or self.words):
            raise ValueError("a rule needs 'match', 'patterns' or 'list'")
        return self


class PeopleRule(Rule):
    """Named persons, characters and groups. `artist` marks a name that in a list of tags is a credit, not a subject."""

    who: Literal["person", "character", "group", "artist"] = "person"


class PeriodRule(Rule):
    """A past with people in it. With `during` it holds only where the prompt names an overlapping year, decade or event."""

    during: Years | None = None
    years: Years | None = Field(default=None, description="When the event was; lets `during` of other rules hold.")
    closes: Closes = "all"


class TermRule(Rule):
    """Explicit demographic words. A string is an adjective, {one, many} a noun; `tag` and `emoji` stand by themselves."""

    form: Literal["adjective", "tag", "emoji", "phrase"] = Field(default="adjective", alias="as")
    states: dict[Axis, str] = {}
    closes: Closes = []
    colour: bool = Field(default=False, description="Also a colour of things: counts only right before a person noun.")

    @model_validator(mode="after")
    def says_something(self) -> "TermRule":
        if not (self.states or self.closes):
            raise ValueError("a term needs 'states' or 'closes'")
        return self


class CultureRule(Rule):
    """Nationalities and peoples (adjective; {one, many} for the noun), places, traditions, dress."""

    form: Literal["nationality", "place", "tradition", "dress"] = Field(alias="as")
    states: dict[Axis, str] = {}
    closes: Closes = ["ethnicity"]


class RoleRule(Rule):
    """Person nouns, with what they fix by fact or meaning. {one, many}; a bare string is the singular."""

    states: dict[Axis, str] = {}
    closes: Closes = []
    reason: Literal["role", "pair", "nonhuman"] = "role"
    group: bool = Field(
        default=False, description='A collective: "a crowd of students" is headed by "students", a bare "crowd" by itself.'
    )
    kin: bool = Field(default=False, description='Kinship: "her mother". A possessor closes its own gender by its pronoun.')
    national: bool = Field(default=False, description="A team or an army: with a nationality its gender is a fact too.")
    shares: list[Axis] = Field(default=[], description='Axes with one draw for the whole group: "a family".')
    weak: bool = Field(
        default=False,
        description='Often no person ("figure", "subject", "model"): counts only where the words around it show one.',
    )


class CueRule(Rule):
    """Visible traits: "bearded", "blonde", "freckles". Strings or patterns, beside or after the person.

    `states` gives the gender that a trait implies, so that a pronoun finds whom it means.
    """

    closes: Closes
    states: dict[Axis, str] = {}


class ReligionRule(Rule):
    states: dict[Axis, str] = {}
    closes: Closes = ["ethnicity"]


class SensitiveRule(Rule):
    """Adjectives (strings) and nouns ({one, many}) that cast the subject in a criminal, violent or demeaning light."""

    closes: Closes = "all"


class CollocationRule(Rule):
    """Phrases in which a person or demographic word means something else; the longest match wins."""


class BodyRule(Rule):
    """Animals, robots, toys, statues, monsters: a body that is no human being. "a fox warrior" is a fox."""


class ThingRule(Rule):
    """Nouns of things that turn a person noun before them into a modifier: "police car", "nurse uniform"."""

    food: bool = Field(default=False, description="Cuisine: a nationality before it closes nothing.")


class StyleRule(Rule):
    """`medium`: oil painting, anime. `before`: a source follows ("in the style of"). `after`: a style precedes ("-inspired")."""

    form: Literal["medium", "before", "after"] = Field(alias="as")


class WordRule(Rule):
    """Grammar of the language: the class a rule fills is its id (determiners, prepositions, negations, ...)."""


class WordingRule(Strict):
    """How one drawn value is said. `adjective` goes before a noun; `one` and `many` are nouns ("a woman", "women")."""

    id: Slug
    axis: Axis
    value: str
    adjective: str
    one: str | None = None
    many: str | None = None
    narrow: dict[str, str] = Field(default={}, description='Neutral noun -> the noun that entails it: "person" -> "woman".')
    tag: str | None = Field(default=None, description="What a tag-list prompt gets.")
    why: str = ""
    examples: list[Example] = []


class Sampling(Strict):
    by: Literal["request", "prompt"] = "request"


class Limits(Strict):
    added_chars_per_person: int = Field(default=60, ge=10, le=400)
    prompt_chars: int = Field(default=32_000, ge=1, le=200_000)


Mode = Literal["enforce", "shadow", "off"]
ApiKeyHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _add_up(axes: dict[Axis, dict[str, int]]) -> None:
    for axis, shares in axes.items():
        if sum(shares.values()) != 100:
            raise ValueError(f"the shares of '{axis}' add up to {sum(shares.values())}; they must add up to 100")


class PolicyPart(Strict):
    """What a route or a tenant has otherwise. An axis given here replaces that axis only."""

    axes: dict[Axis, dict[str, int]] = {}
    mode: Mode | None = None
    one_is_stated: Literal["vary_rest", "leave"] | None = None
    images: Literal["split", "shared"] | None = None
    input_images: Mode | None = None
    upstream_rewriters: Literal["leave", "off"] | None = None
    on_refusal: Literal["keep", "original"] | None = None
    on_error: Literal["pass", "reject"] | None = None
    opt_out: bool | None = None
    revised_prompt: bool | None = None

    @model_validator(mode="after")
    def shares_add_up(self) -> "PolicyPart":
        _add_up(self.axes)
        return self


class PolicyFile(Strict):
    """Target shares in percent; each axis adds up to 100."""

    extends: Literal["shipped"] | None = Field(default=None, description="Lay this folder over the shipped rules, by file name.")
    axes: dict[Axis, dict[str, int]]
    historical_until: int = 1970
    one_is_stated: Literal["vary_rest", "leave"] = "vary_rest"
    images: Literal["split", "shared"] = "split"
    mode: Mode = "enforce"
    on_error: Literal["pass", "reject"] = "pass"
    unknown_routes: Literal["deny", "pass"] = "deny"
    revised_prompt: bool = Field(default=True, description="Fill data[i].revised_prompt of the answer.")
    opt_out: bool = Field(default=True, description="Honour `X-Evenhand: off`.")
    input_images: Mode = Field(default="shadow", description="The mode where a picture is sent along that may fix who is shown.")
    upstream_rewriters: Literal["leave", "off"] = Field(
        default="leave", description="Switch off the image API's own prompt rewriter where a request has one on."
    )
    open_places: list[str] = Field(default=[], description="Cosmopolitan places that close nothing.")
    open_nationalities: list[str] = Field(default=[], description="Nationalities of many peoples that close nothing.")
    on_refusal: Literal["keep", "original"] = Field(
        default="keep", description="Send the original once where the image API refused a rewritten prompt for its content."
    )
    watch_drift: bool = Field(
        default=False, description="Read every answer for a revised prompt of the image API's own; else only those we write into."
    )
    routes: dict[str, PolicyPart] = Field(default={}, description="By operation id; `*` stands for anything.")
    tenants: dict[str, PolicyPart] = Field(default={}, description="By tenant; wins over the route.")
    api_keys: dict[ApiKeyHash, str] = Field(default={}, description="SHA-256 of a client's API key -> its tenant.")
    sampling: Sampling = Sampling()
    limits: Limits = Limits()
    disable: list[str] = Field(default=[], description="Rule ids (kind/id) that are switched off.")
    trial: list[str] = Field(default=[], description="Rule ids (kind/id) that are watched: they are told, and close nothing.")

    @model_validator(mode="after")
    def shares_add_up(self) -> "PolicyFile":
        _add_up(self.axes)
        return self


class UpstreamRule(Strict):
    """Where requests of a path go. The longest prefix wins; credentials pass through and are never stored."""

    id: Slug
    path: str = Field(pattern=r"^/")
    origin: str = Field(pattern=r"^https?://[^/?#@]+$")
    timeout_s: float = Field(default=600, gt=0, le=3600)
    connect_timeout_s: float = Field(default=5, gt=0, le=120)
    dialects: list[Slug] = Field(default=[], description="Spoken there; else those of its host, else the usual ones.")
    strip: bool = Field(default=False, description="Whether `path` is taken off before forwarding.")
    region: str | None = Field(default=None, description="For signed APIs, where the host does not tell it.")


KINDS: dict[str, type[Rule]] = {
    "people": PeopleRule,
    "periods": PeriodRule,
    "terms": TermRule,
    "cultures": CultureRule,
    "roles": RoleRule,
    "cues": CueRule,
    "religions": ReligionRule,
    "sensitive": SensitiveRule,
    "collocations": CollocationRule,
    "bodies": BodyRule,
    "things": ThingRule,
    "styles": StyleRule,
    "words": WordRule,
}
LISTED: dict[str, type[BaseModel]] = {**KINDS, "wording": WordingRule, "upstreams": UpstreamRule}


def all_axes(closes: Closes) -> frozenset[Axis]:
    return frozenset(AXES) if closes == "all" else frozenset(closes)
