"""One walk over a rule folder: hidden names, links of a mounted ConfigMap, links that lead back up, a missing folder."""

from pathlib import Path

from evenhand.rules.files import rule_files


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in rule_files(root))


def test_rules_by_suffix_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("policy.yaml", "en/a.yml", "en/b.csv", "en/notes.md", ".git/x.yaml", "en/.#a.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert names(tmp_path) == ["en/a.yml", "en/b.csv", "policy.yaml"]


def test_a_mounted_config_map(tmp_path: Path) -> None:
    (tmp_path / "..2026/en").mkdir(parents=True)
    (tmp_path / "..2026/en/site.yaml").write_text("x")
    (tmp_path / "..2026/policy.yaml").write_text("x")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "en").symlink_to("..data/en")
    (tmp_path / "policy.yaml").symlink_to("..data/policy.yaml")
    assert names(tmp_path) == ["en/site.yaml", "policy.yaml"]


def test_a_link_that_leads_back_up_ends(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en/a.yaml").write_text("x")
    (tmp_path / "en/again").symlink_to(tmp_path)
    assert names(tmp_path) == ["en/a.yaml"]


def test_a_missing_folder_is_told() -> None:
    told: list[OSError] = []
    assert list(rule_files(Path("/nowhere"), onerror=told.append)) == []
    assert len(told) == 1
