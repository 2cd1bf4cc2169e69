import os
import shutil
import stat
from pathlib import Path

import pytest

from evenhand.proxy.console.workshop import Workshop, digest_of
from evenhand.proxy.refusal import Refusal
from evenhand.rules.ruleset import Place

ROLES = "en/roles.yaml"


@pytest.fixture
def workshop(small_folder: Path, tmp_path: Path) -> Workshop:
    return Workshop(shutil.copytree(small_folder, tmp_path / "rules"))


def test_names_are_those_the_loader_reads(workshop: Workshop) -> None:
    (workshop.root / "notes.txt").write_text("no rules")
    (workshop.root / ".hidden.yaml").write_text("kind: roles")
    names = workshop.names()
    assert ROLES in names
    assert "policy.yaml" in names
    assert not {"notes.txt", ".hidden.yaml"} & set(names)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.yaml",
        "/etc/passwd",
        "en/../policy.yaml",
        "en",
        "",
        "en\\roles.yaml",
        "./policy.yaml",
        "policy.yaml/",
        "no.yaml",
    ],
)
def test_no_other_name_is_read(workshop: Workshop, name: str) -> None:
    (workshop.root.parent / "secret.yaml").write_text("kind: policy")
    with pytest.raises(Refusal) as caught:
        workshop.read(name)
    assert caught.value.status == 404


def test_a_link_out_of_the_folder_is_no_file_of_it(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("kind: secret")
    (workshop.root / "en/linked.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/more.yaml").write_text("kind: secret")
    (workshop.root / "more").symlink_to(tmp_path / "elsewhere")
    assert not {"en/linked.yaml", "more/more.yaml"} & set(workshop.names())


def test_a_link_inside_is_read_but_not_written(workshop: Workshop) -> None:
    (workshop.root / "..data").mkdir()
    (workshop.root / ROLES).rename(workshop.root / "..data/roles.yaml")
    (workshop.root / ROLES).symlink_to("../..data/roles.yaml")
    found = workshop.read(ROLES)
    with pytest.raises(Refusal, match="is a link"):
        workshop.save(ROLES, found.text, base=found.digest)


def test_a_file_that_is_not_utf8_is_told(workshop: Workshop) -> None:
    (workshop.root / "en/latin.yaml").write_bytes(b"kind: \xe9")
    with pytest.raises(Refusal, match="not encoded as UTF-8"):
        workshop.read("en/latin.yaml")


def test_saving_replaces_the_file_and_keeps_its_mode(workshop: Workshop) -> None:
    file = workshop.root / ROLES
    file.chmod(0o640)
    found = workshop.read(ROLES)
    text = found.text.replace("engineer", "welder")
    saved = workshop.save(ROLES, text, base=found.digest)
    assert file.read_text() == text
    assert saved.digest == digest_of(text.encode())
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(os.listdir(file.parent)) == sorted(name for name in os.listdir(file.parent) if not name.startswith("."))


def test_line_ends_and_byte_order_marks_stay(workshop: Workshop) -> None:
    raw = b"\xef\xbb\xbf" + (workshop.root / ROLES).read_bytes().replace(b"\n", b"\r\n")
    (workshop.root / ROLES).write_bytes(raw)
    found = workshop.read(ROLES)
    workshop.save(ROLES, found.text, base=found.digest)
    assert (workshop.root / ROLES).read_bytes() == raw


def test_a_text_made_from_an_older_file_is_not_saved(workshop: Workshop) -> None:
    found = workshop.read(ROLES)
    (workshop.root / ROLES).write_text(found.text + "# somebody else\n")
    with pytest.raises(Refusal, match="changed on disk"):
        workshop.save(ROLES, found.text, base=found.digest)


def test_new_problems_are_not_saved(workshop: Workshop) -> None:
    found = workshop.read(ROLES)
    with pytest.raises(Refusal, match=r"en/roles\.yaml:1: unknown kind 'roels'"):
        workshop.save(ROLES, found.text.replace("kind: roles", "kind: roels"), base=found.digest)
    assert workshop.read(ROLES) == found


def test_one_of_two_broken_files_can_be_repaired(workshop: Workshop) -> None:
    good = workshop.read(ROLES).text
    for name in (ROLES, "en/words.yaml"):
        (workshop.root / name).write_text(workshop.read(name).text.replace("kind:", "knid:", 1))
    assert len({problem.path for problem in workshop.problems(ROLES, workshop.read(ROLES).text)}) == 2
    workshop.save(ROLES, good, base=workshop.read(ROLES).digest)
    assert workshop.read(ROLES).text == good


def test_problems_of_the_edited_file_come_first(workshop: Workshop) -> None:
    (workshop.root / "a.yaml").write_text("kind: nothing\nrules: []\n")
    problems = workshop.problems("policy.yaml", "kind: policy\n")
    assert [workshop.name_of(problem.path) for problem in problems] == ["policy.yaml", "a.yaml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission_keeps_the_old_file(workshop: Workshop) -> None:
    found = workshop.read(ROLES)
    (workshop.root / "en").chmod(0o500)
    with pytest.raises(Refusal, match="can't be written: permission denied"):
        workshop.save(ROLES, found.text + "#\n", base=found.digest)
    (workshop.root / "en").chmod(0o700)


def test_places_are_names_in_the_folder(workshop: Workshop) -> None:
    assert workshop.place(Place(f"{workshop.root}/en/roles.yaml", 3)) == {
        "file": ROLES,
        "line": 3,
        "shown": f"{workshop.root}/en/roles.yaml:3",
    }
    assert workshop.place(Place("elsewhere/roles.yaml", 1)) == {"file": None, "line": 1, "shown": "elsewhere/roles.yaml:1"}
    assert workshop.place(None) is None
