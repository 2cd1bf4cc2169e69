import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def test_the_tour_shows_what_was_really_sent(sidecar: Any) -> None:
    sidecar.arrived()
    admin_port = sidecar.admin.rpartition(":")[2]
    command = [sys.executable, str(ROOT / "examples/tour.py"), "--port", str(sidecar.port), "--admin-port", admin_port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "140"}, check=False)
    arrived = [entry["prompt"] for entry in sidecar.arrived()]
    assert (done.returncode, done.stderr) == (0, "")
    assert len(arrived) >= 10
    assert arrived[0] in done.stdout
    assert "Elon Musk on a stage" in arrived
    assert f"curl http://127.0.0.1:{sidecar.port}/v1/images/generations" in done.stdout
