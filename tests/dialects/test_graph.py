import json
from typing import Any

import pytest

from evenhand.dialects.graph import texts_of
from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.load import load_dialects
from evenhand.dialects.reading import read

(COMFYUI,) = (dialect.operations[0] for dialect in load_dialects() if dialect.id == "comfyui")
Graph = dict[str, Any]


def node(kind: str, **inputs: Any) -> Graph:
    return {"class_type": kind, "inputs": inputs}


def sampler(positive: str, negative: str) -> Graph:
    return node("KSampler", seed=1, model=["m", 0], positive=[positive, 0], negative=[negative, 1])


def encode(text: Any) -> Graph:
    return node("CLIPTextEncode", text=text, clip=["m", 1])


def texts(graph: Graph) -> list[str]:
    """What the shipped ComfyUI dialect finds."""
    return [place.text for place in read(json.dumps({"prompt": graph}).encode(), COMFYUI).prompts]


LOADER = node("CheckpointLoaderSimple", ckpt_name="a doctor.safetensors")
BOTH = {"m": LOADER, "p": encode("a doctor"), "n": encode("a nurse")}
NEGATIVE = {"n": encode("a nurse")}
ZEROED = {"zero": node("ConditioningZeroOut", conditioning=["p", 0])}

GRAPHS: dict[str, tuple[Graph, list[str]]] = {
    "positive and negative": ({**BOTH, "s": sampler("p", "n")}, ["a doctor"]),
    "SDXL has two texts": (
        {
            "p": node("CLIPTextEncodeSDXL", text_g="a doctor", text_l="white coat", clip=["m", 1]),
            **NEGATIVE,
            "s": sampler("p", "n"),
        },
        ["a doctor", "white coat"],
    ),
    "SD3 has three": (
        {
            "p": node("CLIPTextEncodeSD3", clip_l="a", clip_g="b", t5xxl="c", empty_padding="none"),
            **NEGATIVE,
            "s": sampler("p", "n"),
        },
        ["a", "b", "c"],
    ),
    "a guider with guidance between": (
        {
            "s": node("SamplerCustomAdvanced", guider=["g", 0], noise=["r", 0]),
            "g": node("BasicGuider", model=["m", 0], conditioning=["f", 0]),
            "f": node("FluxGuidance", guidance=3.5, conditioning=["p", 0]),
            "p": encode("a doctor"),
        },
        ["a doctor"],
    ),
    "a guider with both sides": (
        {
            **BOTH,
            "s": node("SamplerCustomAdvanced", guider=["g", 0]),
            "g": node("CFGGuider", positive=["p", 0], negative=["n", 0]),
        },
        ["a doctor"],
    ),
    "a ControlNet passes both on": (
        {
            **BOTH,
            "c": node("ControlNetApplyAdvanced", positive=["p", 0], negative=["n", 0], image=["i", 0]),
            "s": sampler("c", "c"),
        },
        ["a doctor"],
    ),
    "two ControlNets in a row": (
        {
            **BOTH,
            "c": node("ControlNetApplyAdvanced", positive=["p", 0], negative=["n", 0]),
            "d": node("ControlNetApplyAdvanced", positive=["c", 0], negative=["c", 1]),
            "s": sampler("d", "d"),
        },
        ["a doctor"],
    ),
    "combined conditionings": (
        {
            **BOTH,
            "q": encode("a teacher"),
            "c": node("ConditioningCombine", conditioning_1=["p", 0], conditioning_2=["q", 0]),
            "e": node("ConditioningSetArea", conditioning=["n", 0], width=64),
            "s": sampler("c", "e"),
        },
        ["a doctor", "a teacher"],
    ),
    "a primitive node holds the text": (
        {"t": node("PrimitiveString", value="a doctor"), "p": encode(["t", 0]), **NEGATIVE, "s": sampler("p", "n")},
        ["a doctor"],
    ),
    "texts put together": (
        {
            "t": node("StringConcatenate", string_a="a doctor", string_b="in a park", delimiter="a nurse"),
            "p": encode(["t", 0]),
            **NEGATIVE,
            "s": sampler("p", "n"),
        },
        ["a doctor", "in a park"],
    ),
    "one prompt on both sides": ({"p": encode("a doctor"), "s": sampler("p", "p")}, []),
    "one primitive on both sides": (
        {"t": node("PrimitiveString", value="a doctor"), "p": encode(["t", 0]), "n": encode(["t", 0]), "s": sampler("p", "n")},
        [],
    ),
    "a negative made of nothing": ({"p": encode("a doctor"), **ZEROED, "s": sampler("p", "zero")}, ["a doctor"]),
    "a second pass": ({**BOTH, "s": sampler("p", "n"), "h": sampler("p", "n")}, ["a doctor"]),
    "positive here, negative there": ({**BOTH, "s": sampler("p", "n"), "h": sampler("n", "p")}, []),
    "a loader with texts of its own": (
        {"l": node("Efficient Loader", positive="a doctor", negative="a nurse", ckpt_name="x"), "s": sampler("l", "l")},
        ["a doctor"],
    ),
    "a node that leads nowhere": ({**BOTH, "x": encode("a teacher"), "s": sampler("p", "n")}, ["a doctor"]),
    "a ring": ({"a": node("X", positive=["b", 0]), "b": node("X", text="a doctor", other=["a", 0])}, ["a doctor"]),
    "links to what is not there": ({"s": sampler("gone", "9")}, []),
    "numbers as names": ({"7": encode("a doctor"), "s": node("KSampler", positive=[7, 0])}, ["a doctor"]),
    "slashes in names": ({"a/b~": encode("a doctor"), "s": node("KSampler", positive=["a/b~", 0])}, ["a doctor"]),
    "an array that is no link": ({"s": node("KSampler", positive=[["p"], 0]), "p": encode("a doctor")}, []),
    "a picture node of another API": (
        {"1": node("GeminiImageNode", prompt="a doctor"), "2": node("Other", prompt="x")},
        ["a doctor"],
    ),
    "nothing": ({}, []),
}


@pytest.mark.parametrize(("graph", "expected"), GRAPHS.values(), ids=list(GRAPHS))
def test_prompts_are_what_leads_to_a_positive_input(graph: Graph, expected: list[str]) -> None:
    assert texts(graph) == expected


def test_an_order_of_nodes_makes_no_difference() -> None:
    for graph, expected in GRAPHS.values():
        assert sorted(texts(dict(reversed(graph.items())))) == sorted(expected)


def test_a_long_chain_costs_no_stack() -> None:
    chain = {str(index): node("Reroute", conditioning=[str(index + 1), 0]) for index in range(5_000)}
    assert texts({**chain, "5000": encode("a doctor"), "s": sampler("0", "x")}) == ["a doctor"]


def test_a_long_array_is_no_link() -> None:
    body = json.dumps({"prompt": {"s": node("KSampler", positive=["p", "x" * 300]), "p": encode("a doctor")}}).encode()
    assert COMFYUI.graph is not None
    assert texts_of(JsonBody.of(body, COMFYUI), COMFYUI.graph) == []
