"""Evenhand inside of a client: the OpenAI SDK with its transport wrapped, and no process beside it.

python examples/transport.py https://api.openai.com/v1 "a doctor"      # OPENAI_API_KEY is read by the SDK
"""

import sys

import httpx
from openai import OpenAI

from evenhand import EvenhandTransport


def main(base_url: str, prompt: str) -> None:
    transport = EvenhandTransport(httpx.HTTPTransport())
    with OpenAI(base_url=base_url, http_client=httpx.Client(transport=transport, timeout=600)) as client:
        answer = client.images.with_raw_response.generate(model="gpt-image-1", prompt=prompt)
    print(answer.headers["x-evenhand-decision"], answer.headers["x-evenhand-decision-id"])
    for image in answer.parse().data or []:
        print(image.revised_prompt or prompt)


if __name__ == "__main__":
    main(*sys.argv[1:3])
