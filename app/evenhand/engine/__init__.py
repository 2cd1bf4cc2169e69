"""The judgement: `Engine.decide` turns a Prompt into a Decision. Pure: no I/O, no clock, no global random state; safe in
threads."""

from evenhand.engine.analyse import analyse
from evenhand.engine.draw import draw
from evenhand.engine.manner import Manner
from evenhand.engine.memory import AnalysisMemory
from evenhand.engine.plan import plan_for
from evenhand.engine.tagger import Tagger, shipped_tagger
from evenhand.engine.word import word
from evenhand.flow import Decision, Plan, Prompt
from evenhand.rules.ruleset import Ruleset
from evenhand.rules.schema import PolicyFile
from evenhand.text import splice

__all__ = ["Engine"]
CACHE_BYTES = 16 << 20


class Engine:
    """Holds one Ruleset and one language model, the shipped one unless told; a reload makes a new Engine.

    Analyses of the latest prompts are remembered in up to `cache_bytes`; 0 remembers none. What is drawn never is.
    """

    def __init__(self, rules: Ruleset, *, tagger: Tagger | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self.rules = rules
        self.tagger = tagger or shipped_tagger()
        self._memory = AnalysisMemory(size_bytes=cache_bytes)

    def decide(self, prompt: Prompt, *, policy: PolicyFile | None = None) -> Decision:
        policy = policy or self.rules.policy
        analysis = self._memory.find(prompt, policy)
        if analysis is None:
            analysis = analyse(prompt, self.rules, tagger=self.tagger, policy=policy)
            self._memory.keep(analysis, policy)
        return self.fill(plan_for(analysis, policy), policy)

    def fill(self, plan: Plan, policy: PolicyFile) -> Decision:
        """Draw and word what the plan leaves open."""
        prompt = plan.analysis.prompt
        draws = draw(plan, policy)
        manner = Manner(prompt.text)
        worded = [word(manner, image, self.rules) for image in draws]
        if not any(edits for edits, _ in worded):
            draws, worded = (), []  # nothing could be said in the space there is
        return Decision(
            id=prompt.id,
            revision=self.rules.revision,
            outcome="rewritten" if draws else "unchanged",
            plan=plan,
            draws=draws,
            edits=tuple(edits for edits, _ in worded),
            texts=tuple(splice(prompt.text, edits) for edits, _ in worded),
            replaced=any(replaced for _, replaced in worded),
        )
