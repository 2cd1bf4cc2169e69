import pytest

from evenhand.dialects.load import load_dialects
from evenhand.errors import SettingsError
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.target import check_path, disguised, find, passes, pick, upstreams_of
from evenhand.rules.schema import UpstreamRule
from evenhand.settings import load_settings

DIALECTS = load_dialects()
OPERATIONS = next(dialect for dialect in DIALECTS if dialect.id == "openai").operations
GUARDED = b"/v1/images/generations"


@pytest.mark.parametrize(
    "path", [GUARDED, b"/v1/models/a%2Bb", b"/", b"/a;b=c/d,e", b"/v1/...", b"/v1/a..b", b"/@evil.example/x"]
)
def test_plain_paths_pass(path: bytes) -> None:
    check_path(path, path + b"?key=1")


@pytest.mark.parametrize(
    "path",
    [
        b"//evil.example/v1",
        b"/v1//images",
        b"/v1/%2F/x",
        b"/v1/%2f%2fevil",
        b"/v1/../admin",
        b"/v1/%2e%2e/admin",
        b"/v1/.%2E/admin",
        b"/./v1",
        b"/v1/..",
        b"/v1\\images",
        b"/v1/%5c..%5cadmin",
        b"/v1/%00",
        b"/v1/%zz",
        b"/v1/ x",
        b"/v1/\xc3\xa9",
        b"*",
        b"v1/images",
        b"",
        b"http://evil.example/v1",
    ],
)
def test_ambiguous_paths_are_refused(path: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        check_path(path, None)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "target", [b"http://evil.example/v1/images/generations", b"/v1/images/generations#x", b"//v1/images/generations"]
)
def test_a_target_spelled_otherwise_is_refused(target: bytes) -> None:
    with pytest.raises(Refusal):
        check_path(GUARDED, target)


def test_find_matches_method_and_raw_path() -> None:
    assert find(OPERATIONS, "POST", GUARDED) is OPERATIONS[0]
    assert find(OPERATIONS, "GET", GUARDED) is None
    assert find(OPERATIONS, "POST", GUARDED + b"/") is None


@pytest.mark.parametrize(
    "path", [GUARDED + b"/", b"/v1/images/%67enerations", b"/V1/Images/Generations", b"/v1%2Fimages/generations"]
)
def test_disguises_are_noticed(path: bytes) -> None:
    assert disguised(OPERATIONS, path) is OPERATIONS[0]
    assert disguised(OPERATIONS, b"/v1/models") is None


def test_the_longest_path_wins_and_ends_at_a_slash() -> None:
    rules = [
        UpstreamRule(id="a", path="/v1", origin="https://a.example"),
        UpstreamRule(id="b", path="/v1/images", origin="https://b.example", timeout_s=30),
    ]
    upstreams = upstreams_of(rules, load_settings(), DIALECTS)
    assert pick(upstreams, GUARDED).origin == "https://b.example"
    assert pick(upstreams, GUARDED).host == b"b.example"
    assert pick(upstreams, b"/v1/imagesx").origin == "https://a.example"
    with pytest.raises(Refusal, match="EVENHAND_UPSTREAM"):
        pick(upstreams, b"/v2")


def test_the_setting_overrides_the_rules() -> None:
    upstreams = upstreams_of(
        [UpstreamRule(id="a", path="/v1", origin="https://a.example")], load_settings(upstream="http://up.example:81"), DIALECTS
    )
    assert [upstream.origin for upstream in upstreams] == ["http://up.example:81"]
    assert pick(upstreams, b"/anything").host == b"up.example:81"


@pytest.mark.parametrize(
    ("settings", "spoken"),
    [
        ({"upstream": "https://api.openai.com"}, ["openai"]),
        ({"upstream": "https://api.openai.com", "dialects": "openai, openai"}, ["openai", "openai"]),
        ({"upstream": "http://gateway.example"}, sorted(dialect.id for dialect in DIALECTS if dialect.usual)),
    ],
)
def test_an_upstream_speaks_what_is_named_or_its_host_or_the_usual(settings: dict[str, str], spoken: list[str]) -> None:
    (upstream,) = upstreams_of([], load_settings(**settings), DIALECTS)
    assert [dialect.id for dialect in upstream.dialects] == spoken


def test_an_unknown_dialect_is_told_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"no dialect 'opnai'; the known ones are:.* openai"):
        upstreams_of([], load_settings(upstream="http://up.example", dialects="opnai"), DIALECTS)


def test_a_prefix_is_taken_off_where_the_rule_says_so() -> None:
    rule = UpstreamRule(id="a", path="/one", origin="https://a.example", strip=True)
    (upstream,) = upstreams_of([rule], load_settings(), DIALECTS)
    assert [upstream.inner(path) for path in (b"/one/v1/x", b"/one", b"/one/")] == [b"/v1/x", b"/", b"/"]


def test_listed_paths_without_prompts_pass() -> None:
    (upstream,) = upstreams_of([], load_settings(upstream="http://up.example"), DIALECTS)
    found = [passes(upstream, *each) for each in (("GET", b"/v1/models"), ("POST", b"/v1/models"), ("GET", b"/v1/secrets"))]
    assert found == [True, False, False]


def test_an_origin_without_a_valid_host_is_told() -> None:
    rule = UpstreamRule(id="a", path="/", origin="http://0177.0.0.1")
    with pytest.raises(SettingsError, match=r"0177\.0\.0\.1 has no valid host"):
        upstreams_of([rule], load_settings(), DIALECTS)


def test_an_upstream_remembers_what_it_found_but_no_long_path() -> None:
    (upstream,) = upstreams_of([], load_settings(upstream="http://127.0.0.1:9"), DIALECTS)
    for path in (GUARDED, GUARDED, b"/v1/images", b"/v1/projects/" + b"p" * 300 + b"/locations/l"):
        for method in ("POST", "GET"):
            assert upstream.find(method, path) == find(upstream.operations, method, path)
