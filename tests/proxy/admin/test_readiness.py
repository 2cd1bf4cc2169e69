"""One answer for several workers."""

from typing import Any

import pytest

from evenhand.proxy.admin.readiness import Found, readiness_of


def about(status: str = "ready", revision: str = "aa", age_s: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"status": status, "revision": revision, "age_s": age_s, "last_reload": None, "remarks": [], "rules": 3, **more}


@pytest.mark.parametrize(
    ("abouts", "status"),
    [
        ([{}, {}], "starting"),
        ([{"status": "starting"}, {}], "starting"),
        ([about(), {}], "incomplete"),
        ([about(), {"status": "starting"}], "incomplete"),
        ([about(), about()], "ready"),
        ([about(), about("draining")], "draining"),
        ([about("draining"), {}], "draining"),
    ],
)
def test_the_whole_is_ready_only_where_every_worker_is(abouts: list[dict[str, Any]], status: str) -> None:
    told = readiness_of([Found(worker=number, about=each) for number, each in enumerate(abouts)])
    assert told["status"] == status
    assert [worker["worker"] for worker in told["workers"]] == [0, 1]


def test_each_worker_is_told_with_its_revision_and_age() -> None:
    found = [Found(worker=0, pid=7, about=about(age_s=5)), Found(worker=1, pid=8, generation=2, about=about(age_s=9))]
    told = readiness_of(found)
    assert (told["revision"], told["age_s"], told["rules"], told["remarks"]) == ("aa", 9, 3, [])
    assert told["workers"][1] == {
        "worker": 1,
        "status": "ready",
        "pid": 8,
        "replaced": 2,
        "revision": "aa",
        "age_s": 9,
        "last_reload": None,
    }


def test_different_revisions_are_remarked() -> None:
    abouts = [about(), about(revision="bb"), about(revision="bb", remarks=["Mind the step."])]
    told = readiness_of([Found(worker=number, about=each) for number, each in enumerate(abouts)])
    assert told["revision"] == "bb"
    assert told["remarks"] == ["Mind the step.", "Workers serve different revisions of the rules at the moment: aa, bb."]
