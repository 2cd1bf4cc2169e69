"""A tour of a running sidecar: ten prompts are sent through it, and a table shows what reached the image API, and why.

python examples/tour.py            # once a sidecar in front of the demo is ready on 8080
python examples/tour.py --start    # starts the demo first, and serves on until Ctrl-C
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

PROMPTS = [
    "a doctor",
    "two engineers at a whiteboard",
    "a Black teacher talking with a student",
    "a nurse in a white coat",
    "a crowd at a concert",
    "three firefighters and a dog",
    "Elon Musk on a stage",
    "1943 German soldier, photo",
    "a pope in the Vatican",
    "my wife on a beach",
    "white wine on Black Friday",
    "(doctor:1.3), 8k --ar 16:9",
]
HEADERS = {"authorization": "Bearer any-key-the-demo-takes-them-all"}


def main() -> int:
    given = arguments()
    command = [sys.executable, "-m", "evenhand", "demo", "--port", str(given.port), "--admin-port", str(given.admin_port)]
    sidecar = subprocess.Popen(command) if given.start else None
    try:
        if not ready(f"http://127.0.0.1:{given.admin_port}", sidecar):
            return (sidecar.poll() if sidecar else None) or no_sidecar(given.admin_port)
        tour(f"http://127.0.0.1:{given.port}")
        return 0 if sidecar is None or ends_here() else sidecar.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        if sidecar:
            stop(sidecar)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", action="store_true", help="start `evenhand demo` and stop it at the end")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--admin-port", type=int, default=8081)
    return parser.parse_args()


def ends_here() -> bool:
    """In continuous integration nobody is there to press Ctrl-C."""
    return os.environ.get("TOUR_ONLY") == "1" or os.environ.get("CI", "").lower() in ("1", "true")


def ready(admin: str, sidecar: subprocess.Popen[bytes] | None, *, wait_s: float = 60) -> bool:
    """True once the sidecar takes requests; False where it ended instead, or none came up."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until and (sidecar is None or sidecar.poll() is None):
        try:
            if httpx.get(f"{admin}/readyz", trust_env=False).status_code == 200:
                return True
        except httpx.TransportError:
            time.sleep(0.1)
    return False


def no_sidecar(admin_port: int) -> int:
    print(f"No sidecar got ready on 127.0.0.1:{admin_port}. Start one with `evenhand demo`, or add --start.", file=sys.stderr)
    return 2


def stop(sidecar: subprocess.Popen[bytes]) -> None:
    if sidecar.poll() is None:
        sidecar.send_signal(signal.SIGINT)
        try:
            sidecar.wait(10)
        except subprocess.TimeoutExpired:
            sidecar.kill()


def tour(url: str) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(title="What was asked, what the image API received, and why", show_lines=True)
    for heading, ratio in (("asked", 3), ("sent", 5), ("why", 5)):
        table.add_column(heading, ratio=ratio)
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for seed, prompt in enumerate(PROMPTS, start=1):
            table.add_row(Text(prompt), *shown(client, prompt, seed))
    console.print(table)
    console.print(Text(HOW_TO.format(url=url)))


def shown(client: httpx.Client, prompt: str, seed: int) -> tuple[Text, Text]:
    """Draws the prompt for real, then asks with the same seed why."""
    body = {"model": "demo", "prompt": prompt, "size": "256x256"}
    answer = client.post("/v1/images/generations", json=body, headers={**HEADERS, "x-evenhand-seed": str(seed)})
    answer.raise_for_status()
    decision = client.post("/rewrite", json={"prompt": prompt, "seed": seed}).json()
    sent = answer.json()["data"][0].get("revised_prompt", prompt)
    return marked(prompt, sent, decision), Text("\n".join(reasons(decision)) or "nobody is to be drawn")


def marked(prompt: str, sent: str, decision: dict[str, Any]) -> Text:
    """The sent prompt with the added words in colour."""
    if sent == prompt or sent != (decision["rewrites"] or [""])[0]:
        return Text(sent, style="dim" if sent == prompt else "")
    text, at = Text(), 0
    for edit in sorted(decision["edits"][0], key=lambda edit: edit["start"]):
        text.append(prompt[at : edit["start"]]).append(edit["text"], style="bold green")
        at = edit["end"]
    return text.append(prompt[at:])


def reasons(decision: dict[str, Any]) -> list[str]:
    """One line for all axes of a subject that share their reasons, then what was no person."""
    lines = []
    for subject in decision["subjects"]:
        said: dict[str, list[str]] = {}
        for axis, ruling in subject["axes"].items():
            because = ", ".join(f"{each['text']!r} ({each['reason']})" for each in ruling["closed_by"])
            said.setdefault(f"closed by {because}" if because else "open", []).append(axis)
        lines += [f"{subject['text']}: {' and '.join(axes)} {state}" for state, axes in said.items()]
    return lines + [f"no person: {note['text']!r} ({note['kind']})" for note in decision["notes"]]


HOW_TO = """
Try it yourself:

  curl {url}/v1/images/generations -H 'content-type: application/json' \\
    -d '{{"model": "demo", "prompt": "a doctor", "size": "256x256", "response_format": "url"}}'

  curl {url}/rewrite -H 'content-type: application/json' -d '{{"prompt": "a doctor and her patient"}}'

With the OpenAI SDK only the base URL changes:

  from openai import OpenAI
  client = OpenAI(base_url="{url}/v1", api_key="any")
  answer = client.images.generate(model="demo", prompt="a doctor", n=4, response_format="url")
  print([image.revised_prompt for image in answer.data])

The API is described at {url}/docs. In front of a real image API: evenhand serve --upstream https://api.openai.com
"""


if __name__ == "__main__":
    sys.exit(main())
