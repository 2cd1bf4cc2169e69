"""The ASGI app: HTTP in, HTTP out. All effects of the service live in this room."""
