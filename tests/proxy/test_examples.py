from evenhand.dialects.load import load_dialects
from evenhand.proxy.api import rewrite_app
from evenhand.proxy.examples import BATCH_EXAMPLES, REWRITE_EXAMPLES, documented
from evenhand.proxy.live import Live, serving_of
from evenhand.rules import Ruleset
from evenhand.settings import load_settings


def test_every_example_has_an_answer_of_the_rules_in_service(small_rules: Ruleset) -> None:
    settings = load_settings()
    serving = serving_of(small_rules, load_dialects(), settings)
    document = rewrite_app(Live(settings=settings, serving=serving)).openapi()
    for path, examples in (("/rewrite", REWRITE_EXAMPLES), ("/rewrite/batch", BATCH_EXAMPLES)):
        shown = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["examples"]
        assert list(shown) == list(examples)
    first = document["paths"]["/rewrite"]["post"]["responses"]["200"]["content"]["application/json"]["examples"]["A profession"]
    assert first["value"]["revision"] == small_rules.revision
    assert first["value"]["outcome"] == "rewritten"


def test_requests_in_openapi_form() -> None:
    assert documented({"x": {"prompt": "a"}})["requestBody"]["content"]["application/json"]["examples"] == {
        "x": {"value": {"prompt": "a"}}
    }
