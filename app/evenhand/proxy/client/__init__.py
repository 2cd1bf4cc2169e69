"""The HTTP client: requests to image APIs over kept connections, nothing sent twice."""
