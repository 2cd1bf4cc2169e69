"""`evenhand serve` and `evenhand demo`: run the sidecar."""

from typing import Annotated, Any

import typer

from evenhand.cli.console import RulesOption

HostOption = Annotated[str | None, typer.Option("--host", help="Address of the data port (default 127.0.0.1).")]
PortOption = Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Data port (default 8080).")]
AdminPortOption = Annotated[int | None, typer.Option("--admin-port", min=0, max=65_535, help="Admin port (default 8081).")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, help="Processes that share the data port (default 1).")
]
UpstreamOption = Annotated[str | None, typer.Option("--upstream", metavar="URL", help="Origin of the image API.")]


def serve(
    host: HostOption = None,
    port: PortOption = None,
    admin_port: AdminPortOption = None,
    upstream: UpstreamOption = None,
    rules: RulesOption = None,
    workers: WorkersOption = None,
) -> None:
    """Run the sidecar in front of an image API."""
    _serve(host=host, port=port, admin_port=admin_port, upstream=upstream, rules=rules, workers=workers)


def demo(host: HostOption = None, port: PortOption = None, admin_port: AdminPortOption = None, rules: RulesOption = None) -> None:
    """Run the sidecar before a built-in API. It draws each prompt as a card."""
    _serve(host=host, port=port, admin_port=admin_port, rules=rules, demo=True)


def _serve(**flags: Any) -> None:
    from evenhand.proxy.server import run
    from evenhand.proxy.workers import run_workers
    from evenhand.settings import load_settings

    settings = load_settings(**flags)
    (run if settings.workers == 1 else run_workers)(settings)
