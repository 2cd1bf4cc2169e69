"""What lies under docker/: names settings that exist, carries rules that load, and never opens the admin port without a token."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from evenhand.rules.load import load_folder
from evenhand.settings import Settings

DOCKER = Path(__file__).parent.parent / "docker"
KNOWN = {f"EVENHAND_{name.upper()}" for name in Settings.model_fields} | {"EVENHAND_CACHE_DIR", "EVENHAND_COMMAND"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(DOCKER / name))


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "kubernetes/sidecar.yaml"])
def test_every_setting_named_there_exists(name: str) -> None:
    assert set(re.findall(r"EVENHAND_[A-Z_]+", (DOCKER / name).read_text())) <= KNOWN


def test_the_rules_of_the_config_map_load(tmp_path: Path) -> None:
    config, deployment = documents("kubernetes/sidecar.yaml")
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    items = next(volume["configMap"]["items"] for volume in volumes if "configMap" in volume)
    for item in items:
        path = tmp_path / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(config["data"][item["key"]])
    loaded = load_folder(tmp_path)
    assert loaded.policy.mode == "shadow"
    assert "people/our-characters" in loaded.places


def test_the_sidecar_starts_before_the_application_and_is_confined() -> None:
    pod = documents("kubernetes/sidecar.yaml")[1]["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = [mount for mount in sidecar["volumeMounts"] if "subPath" in mount]
    assert mounts == []


def test_the_image_runs_as_nobody_special_and_only_from_locked_wheels() -> None:
    lines = (DOCKER / "Dockerfile").read_text()
    assert re.search(r"^USER 10001:10001$", lines, re.MULTILINE)
    assert "--require-hashes" in lines
    assert "EVENHAND_ADMIN_HOST=" not in lines
