"""`evenhand doctor`: whether this machine, these settings and these rules would serve, and what to do where not."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli.console import Format, FormatOption, RulesOption, say, say_json
from evenhand.cli.serving import AdminPortOption, HostOption, PortOption, UpstreamOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evenhand.proxy.admin.checkup import Finding

TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, max=60, metavar="SECONDS", help="For each connection tried.")]


def doctor(
    host: HostOption = None,
    port: PortOption = None,
    admin_port: AdminPortOption = None,
    upstream: UpstreamOption = None,
    rules: RulesOption = None,
    timeout: TimeoutOption = 3.0,
    output: FormatOption = Format.TEXT,
) -> None:
    """Check that the sidecar can serve here. Says what to fix; exit code 1 where a check fails, 2 for unusable settings."""
    from evenhand.errors import SettingsError
    from evenhand.proxy.admin.checkup import checkup, refused
    from evenhand.settings import load_settings

    try:
        settings = load_settings(host=host, port=port, admin_port=admin_port, upstream=upstream, rules=rules)
    except SettingsError as error:
        _show(refused(error), output)
        raise typer.Exit(2) from None
    if _show(checkup(settings, timeout_s=timeout), output):
        raise typer.Exit(1)


def _show(findings: "Iterable[Finding]", output: Format) -> bool:
    """Text comes line by line, as it is found. True where a check failed."""
    found: list[Finding] = []
    for finding in findings:
        found.append(finding)
        if output is Format.TEXT:
            _say(finding)
    counts = {level: sum(each.level == level for each in found) for level in ("ok", "warn", "fail")}
    if output is Format.JSON:
        say_json({"checks": [_data(each) for each in found], **counts})
    else:
        say(", ".join(f"{count} {level}" for level, count in counts.items()))
    return counts["fail"] > 0


def _say(finding: "Finding") -> None:
    say(f"{finding.level:<4}  {finding.check}: {finding.says}")
    if finding.fix:
        say(f"      fix: {finding.fix}")


def _data(finding: "Finding") -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("check", "level", "says", "fix")}
