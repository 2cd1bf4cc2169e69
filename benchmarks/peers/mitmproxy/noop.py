"""An addon that is asked about every request and changes nothing."""

from mitmproxy.http import HTTPFlow


class Nothing:
    def request(self, flow: HTTPFlow) -> None:
        """Nothing to do."""


addons = [Nothing()]
