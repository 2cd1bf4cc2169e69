"""Dashboard and alert rules name only what is really measured; Prometheus itself tries them where it is installed."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric

from evenhand.proxy.watch.meters import Meters
from evenhand.source import read

FOLDER = Path(__file__).parents[2] / "docker/grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
PROMTOOL = shutil.which("promtool")
NAME = re.compile(r"\b(?:evenhand|process)_[a-z_]+")
LABELS = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPED = re.compile(r"\b(?:by|on|ignoring)\s*\(([^)]*)\)")
SCRAPED = {"job", "instance"}
# With `--workers`, the process that watches them tells these; tests/proxy/test_workers.py reads them.
BY_THE_PARENT = ("evenhand_workers", "evenhand_workers_running", "evenhand_worker_restarts_total")


def alerts() -> list[dict[str, Any]]:
    documents, problems = read((FOLDER / "alerts.yaml").read_bytes(), "alerts.yaml")
    assert not problems
    return [rule for group in documents[0].root.value["groups"] for rule in group["rules"]]


@cache
def measured() -> dict[str, set[str]]:
    """Series name -> its labels."""
    found = dict.fromkeys(BY_THE_PARENT, SCRAPED)
    meters = Meters()
    for family in meters.registry.collect():
        labels = set(getattr(meters.registry._names_to_collectors.get(family.name), "_labelnames", ()))
        for name in names_of(family):
            found[name] = labels | ({"le"} if name.endswith("_bucket") else set()) | SCRAPED
    return found


def names_of(family: Metric) -> list[str]:
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
    return [family.name + ending for ending in endings]


def panels() -> Iterator[dict[str, Any]]:
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def expressions() -> list[tuple[str, str]]:
    found = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    found += [(each["name"], each["expr"]) for each in DASHBOARD["annotations"]["list"]]
    found += [(each["name"], each["definition"]) for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]
    return found + [(rule["alert"], rule["expr"]) for rule in alerts()]


@pytest.mark.parametrize(("where", "expression"), expressions())
def test_every_name_and_label_is_measured(where: str, expression: str) -> None:
    series = measured()
    names = set(NAME.findall(expression))
    assert names, f"{where} asks for nothing of ours"
    assert names <= set(series), f"{where}: {names - set(series)}"
    labels = {*LABELS.findall(expression), *(word.strip() for group in GROUPED.findall(expression) for word in group.split(","))}
    assert labels <= set().union(*(series[name] for name in names)), f"{where}: {labels}"
    assert expression.count("(") == expression.count(")")


def test_everything_measured_is_shown_somewhere() -> None:
    shown = {name for _, expression in expressions() for name in NAME.findall(expression)}
    ours = {name for name in measured() if name.startswith("evenhand_") and not name.endswith(("_count", "_sum"))}
    assert ours <= shown, ours - shown


def test_the_dashboard_is_a_model_that_grafana_takes() -> None:
    assert DASHBOARD["uid"] == "evenhand"
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["title"] for panel in DASHBOARD["panels"])
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)", json.dumps(DASHBOARD)))
    assert used <= variables | {"interval"}, used - variables


def test_panels_stand_in_the_grid_and_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for place in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert place not in taken, f"{panel['title']} lies on {taken.get(place)}"
            taken[place] = panel["title"]


def test_alerts_say_what_to_do() -> None:
    found = alerts()
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")])
def test_prometheus_reads_and_tries_the_rules(words: tuple[str, ...]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *words], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
