"""The judgement: `Engine.decide` turns a Prompt into a Decision. Pure: no I/O, no clock, no global random state; safe in
threads."""

from evenhand.engine.analyse import analyse
from evenhand.engine.draw import draw
from evenhand.engine.plan import plan_for
from evenhand.engine.tagger import Tagger, shipped_tagger
from evenhand.engine.word import word
from evenhand.flow import Decision, Plan, Prompt
from evenhand.rules.ruleset import Ruleset
from evenhand.rules.schema import PolicyFile
from evenhand.text import splice

__all__ = ["Engine"]


class Engine:
    """Holds one Ruleset and one language model, the shipped one unless told; a reload makes a new Engine."""

    def __init__(self, rules: Ruleset, *, tagger: Tagger | None = None) -> None:
        self.rules = rules
        self.tagger = tagger or shipped_tagger()

    def decide(self, prompt: Prompt, *, policy: PolicyFile | None = None) -> Decision:
        policy = policy or self.rules.policy
        analysis = analyse(prompt, self.rules, tagger=self.tagger, policy=policy)
        return self.fill(plan_for(analysis, policy), policy)

    def fill(self, plan: Plan, policy: PolicyFile) -> Decision:
        """Draw and word what the plan leaves open."""
        prompt = plan.analysis.prompt
        draws = draw(plan, policy)
        worded = [word(prompt.text, image, self.rules) for image in draws]
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
