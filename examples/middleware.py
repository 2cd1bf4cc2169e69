"""Evenhand inside of an ASGI app: one line in front of an image API of your own, here the demo that draws cards.

python examples/middleware.py 9000      # then POST {"prompt": "a doctor"} to http://127.0.0.1:9000/v1/images/generations
"""

import sys

import uvicorn

from evenhand import EvenhandMiddleware
from evenhand.proxy.demo.upstream import demo_app

app = demo_app()
app.add_middleware(EvenhandMiddleware)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 9000)
