"""A folder of rule files in; rules with places out, or every problem of every file at once."""

import shutil
from pathlib import Path

import pytest

from evenhand.errors import RuleError
from evenhand.rules.load import LoadedRules, load_folder, shipped_rules

POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"
RULE = "  - id: {id}\n    match: [{match}]\n    why: w\n    examples: [{{say: x, leave: all}}]\n"


def rules_of(kind: str, *ids: str, match: str = "a, b c") -> str:
    return f"kind: {kind}\nrules:\n" + "".join(RULE.format(id=name, match=match) for name in ids)


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("rules")


def load(root: Path, **files: str) -> LoadedRules:
    return load_folder(
        write(root, {"policy.yaml": POLICY, **{name.replace("__", "/") + ".yaml": text for name, text in files.items()}})
    )


def problems(root: Path, files: dict[str, str | bytes]) -> list[str]:
    with pytest.raises(RuleError) as caught:
        load_folder(write(root, files))
    return [str(problem).splitlines()[0] for problem in caught.value.problems]


def test_rules_come_with_kind_language_and_place(here: Path) -> None:
    loaded = load(here, en__a=rules_of("people", "one", "two") + "---\n" + rules_of("bodies", "one"))
    shown = [(rule.kind, rule.rule.id, rule.language, str(rule.place), str(rule.example_places[0])) for rule in loaded.rules]
    assert shown == [
        ("people", "one", "en", "rules/en/a.yaml:3", "rules/en/a.yaml:6"),
        ("people", "two", "en", "rules/en/a.yaml:7", "rules/en/a.yaml:10"),
        ("bodies", "one", "en", "rules/en/a.yaml:14", "rules/en/a.yaml:17"),
    ]
    assert loaded.places["bodies/one"] == loaded.rules[2].place


def test_folders_give_the_language(here: Path) -> None:
    loaded = load(here, en__deep__a=rules_of("people", "a"), ko__b=rules_of("people", "b"))
    assert {rule.rule.id: rule.language for rule in loaded.rules} == {"a": "en", "b": "ko"}


def test_upstreams_and_wording(here: Path) -> None:
    upstreams = "kind: upstreams\nrules: [{id: o, path: /v1, origin: 'https://api.openai.com'}]\n"
    one = "{id: w, axis: gender, value: woman, adjective: female}"
    wording = f"kind: wording\nrules: [{one}, {one.replace('id: w', 'id: m').replace('woman', 'man')}]\n"
    loaded = load(here, upstreams=upstreams, en__wording=wording)
    assert [upstream.id for upstream in loaded.upstreams] == ["o"]
    assert [(item.rule.value, item.language, item.place.line) for item in loaded.wording] == [
        ("woman", "en", 2),
        ("man", "en", 2),
    ]


def test_digest_changes_with_any_byte_or_name_and_with_nothing_else(tmp_path: Path) -> None:
    one = load(tmp_path / "1", en__a=rules_of("people", "a"))
    assert load(tmp_path / "2", en__a=rules_of("people", "a")).digest == one.digest
    assert load(tmp_path / "3", en__b=rules_of("people", "a")).digest != one.digest
    assert load(tmp_path / "4", en__a=rules_of("people", "a") + "# x\n").digest != one.digest


def test_hidden_names_are_skipped_and_linked_files_are_read(here: Path) -> None:
    write(here, {"..2024/policy.yaml": POLICY, "en/.#a.yaml": ": broken [", ".git/x.yaml": "broken: ["})
    (here / "policy.yaml").symlink_to(Path("..2024/policy.yaml"))
    assert load_folder(here).rules == ()


def test_absolute_folders_inside_the_current_one_are_shown_relative(here: Path) -> None:
    assert problems(here.absolute(), {"policy.yaml": POLICY, "en/a.yaml": "kind: peple\n"}) == [
        "rules/en/a.yaml:1:7: unknown kind 'peple'"
    ]


FAULTS: list[tuple[dict[str, str | bytes], list[str]]] = [
    ({"en/a.yaml": "kind: periods\n"}, ["rules/en/a.yaml:1:1: key 'rules' is missing"]),
    ({"en/a.yaml": "rules: []\n"}, ["rules/en/a.yaml:1:1: a rule document begins with 'kind: ...'"]),
    ({"en/a.yaml": "- x\n"}, ["rules/en/a.yaml:1:1: a rule document begins with 'kind: ...'"]),
    ({"en/a.yaml": "# nothing\n"}, ["rules/en/a.yaml:1:1: the file holds no rules; fill it or delete it"]),
    ({"en/a.yaml": "kind: people\nrules: x\n"}, ["rules/en/a.yaml:2:8: 'rules' 'x': input should be a valid list"]),
    ({"en/a.yaml": "kind: people\nrules: [x]\n"}, ["rules/en/a.yaml:2:9: 'rules' 'x': input should be a valid dictionary"]),
    ({"en/a.yaml": rules_of("people", "a").replace("rules:", "ruls: []\nrules:")}, ["rules/en/a.yaml:2:1: unknown key 'ruls'"]),
    ({"en/a.yaml": b"kind: caf\xe9\n"}, ["rules/en/a.yaml:1:10: byte 0xe9 is no UTF-8; save the file as UTF-8"]),
    ({"a.yaml": rules_of("people", "a")}, ["rules/a.yaml:1:7: rules of kind 'people' stand outside a language folder"]),
    (
        {"en/a.yaml": rules_of("people", "a"), "en/b.yaml": rules_of("people", "b", "a") + "---\n" + rules_of("bodies", "a")},
        ["rules/en/b.yaml:7:9: id 'a' is taken within 'people'; first at rules/en/a.yaml:3"],
    ),
    (
        {"en/a.yaml": rules_of("people", "a").replace("match: [a, b c]", r"patterns: ['x(?=y)', 'ok \w+', 'x*', '(']")},
        [
            "rules/en/a.yaml:4:16: pattern 'x(?=y)' can't be used: invalid perl operator: (?=",
            "rules/en/a.yaml:4:36: pattern 'x*' matches the empty text",
            "rules/en/a.yaml:4:42: pattern '(' can't be used: missing ): (",
        ],
    ),
    ({"x.yaml": POLICY}, ["rules/x.yaml:1:1: a second policy; the first is rules/policy.yaml:1"]),
    (
        {"policy.yaml": POLICY + "disable: [people/a, people/nope]\n", "en/a.yaml": rules_of("people", "a")},
        ["rules/policy.yaml:3:21: there is no rule 'people/nope' to disable"],
    ),
    ({"policy.yaml": POLICY + "modes: off\n"}, ["rules/policy.yaml:3:1: unknown key 'modes'"]),
]


@pytest.mark.parametrize(("files", "told"), FAULTS)
def test_faults(here: Path, files: dict[str, str | bytes], told: list[str]) -> None:
    assert problems(here, {"policy.yaml": POLICY, **files}) == told


def test_all_files_are_told_at_once_in_order(here: Path) -> None:
    told = problems(here, {"en/b.yaml": "kind: x\n", "en/a.yaml": "a: [\n", "de/c.yaml": "kind: y\n"})
    assert [line.split(":")[0] for line in told] == [
        "rules/de/c.yaml",
        "rules/en/a.yaml",
        "rules/en/a.yaml",
        "rules/en/b.yaml",
        "rules/policy.yaml",
    ]


def test_yaml_faults_are_not_told_again_by_the_schema(here: Path) -> None:
    text = rules_of("people", "a").replace("why: w", "why: *w")
    assert problems(here, {"policy.yaml": POLICY, "en/a.yaml": text}) == [
        "rules/en/a.yaml:5:10: alias '*w' is not allowed in rule files"
    ]


def test_no_folder(here: Path) -> None:
    with pytest.raises(RuleError, match="there is no folder 'rules'"):
        load_folder(here)


def test_empty_folder(here: Path) -> None:
    here.mkdir()
    with pytest.raises(RuleError, match=r"holds no \.yaml file"):
        load_folder(here)


def test_unreadable_file(here: Path) -> None:
    write(here, {"policy.yaml": POLICY})
    (here / "gone.yaml").symlink_to("nowhere.yaml")
    with pytest.raises(RuleError, match=r"'rules/gone\.yaml' can't be read: No such file"):
        load_folder(here)


def test_shipped_rules_are_sound() -> None:
    loaded = load_folder(shipped_rules())
    assert sum(loaded.policy.axes["gender"].values()) == 100
    assert {rule.language for rule in loaded.rules} == {"en"}


def test_a_copy_loads_like_the_shipped_folder(tmp_path: Path) -> None:
    shutil.copytree(shipped_rules(), tmp_path / "mine")
    assert load_folder(tmp_path / "mine").digest == load_folder(shipped_rules()).digest


OWN_POLICY = "kind: policy\nextends: shipped\nmode: shadow\naxes:\n  gender: {woman: 70, man: 30}\n"
OWN_ROLES = """\
kind: roles
rules:
  - id: lamplighters
    match: [{one: lamplighter, many: lamplighters}]
    why: Anybody may light lamps.
    examples: [{say: a lamplighter, vary: [gender]}]
"""


def test_a_folder_is_laid_over_the_shipped_rules(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "policy.yaml").write_text(OWN_POLICY)
    (tmp_path / "en/lamps.yaml").write_text(OWN_ROLES)
    (tmp_path / "upstreams.yaml").write_text("kind: upstreams\nrules: [{id: mine, path: /, origin: 'https://images.example'}]\n")
    shipped, own = load_folder(shipped_rules()), load_folder(tmp_path)
    assert len(own.rules) == len(shipped.rules) + 1
    assert str(own.places["roles/lamplighters"]).startswith(f"{tmp_path}/en/lamps.yaml:3")
    assert [upstream.id for upstream in own.upstreams] == ["mine"]
    assert (own.policy.mode, own.policy.axes, own.policy.limits) == (
        "shadow",
        {**shipped.policy.axes, "gender": {"woman": 70, "man": 30}},
        shipped.policy.limits,
    )


def test_a_fault_of_an_extending_folder_is_told_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(OWN_POLICY.replace("mode: shadow", "mode: shade"))
    with pytest.raises(RuleError) as caught:
        load_folder(tmp_path)
    assert f"{tmp_path}/site.yaml:3:7" in str(caught.value)


def test_files_may_be_replaced_in_memory(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("kind: policy\naxes: {gender: {woman: 50, man: 50}}\n")
    assert load_folder(tmp_path, changed={"policy.yaml": OWN_POLICY.encode()}).policy.mode == "shadow"
    assert load_folder(tmp_path).policy.mode == "enforce"


@pytest.mark.parametrize(("key", "said"), [("disable", "to disable"), ("trial", "to put on trial")])
def test_rules_to_disable_or_to_try_exist(tmp_path: Path, key: str, said: str) -> None:
    (tmp_path / "policy.yaml").write_text(f"kind: policy\nextends: shipped\n{key}: [periods/wehrmachd]\n")
    with pytest.raises(RuleError, match=said) as caught:
        load_folder(tmp_path)
    assert "policy.yaml:3" in str(caught.value)


def test_every_value_that_may_be_drawn_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "kind: policy\nextends: shipped\ntenants:\n  a: {axes: {gender: {woman: 50, fox: 50}}}\n"
    )
    with pytest.raises(RuleError, match="there is no wording for 'fox' of the axis 'gender'"):
        load_folder(tmp_path)
