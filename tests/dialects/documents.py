# ruff: noqa: E501
"""JSON documents of our own making, each with what the strictest reading of RFC 8259 says of it. Some 400, by construction."""

from collections.abc import Iterator

# Values that RFC 8259 allows, whatever stands around them.
GOOD_VALUES = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890123456789012345678901234567890",
    "0.1",
    "-0.1",
    "1.0",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "1E-400",
    "1e400",
    "-0.0",
    "0e0",
    "1.5e3",
    '""',
    '"a"',
    '" "',
    '"\\""',
    '"\\\\"',
    '"\\/"',
    '"\\b\\f\\n\\r\\t"',
    '"\\u0000"',
    '"\\u0041"',
    '"\\u00e9"',
    '"\\uD83D\\uDE00"',
    '"\\ud83d\\ude00"',
    '"é"',
    '"日本"',
    '"😀"',
    '"\u2028"',
    '"\u2029"',
    '"\x7f"',
    '"\ufeff"',
    '"\\uFFFF"',
    '"/"',
    '"//"',
    '"/*no comment*/"',
    "[]",
    "[ ]",
    "[null]",
    "[1]",
    "[1,2]",
    "[ 1 , 2 ]",
    "[[]]",
    "[[[[1]]]]",
    "{}",
    "{ }",
    '{"a":1}',
    '{"a":{}}',
    '{"":0}',
    '{"a":1,"b":2}',
    '{"a":[{"b":[]}]}',
    '{"\\u0061":1}',
    '{"é":1}',
    '{"a b":1}',
    '{"a.b":1}',
    '{"/":1}',
    '{"~0":1}',
    '[{},[],"",0]',
]
# Values that it does not.
BAD_VALUES = [
    "", "nul", "nulll", "Null", "NULL", "TRUE", "True", "tru", "fals", "undefined", "NaN", "nan", "Infinity", "-Infinity", "inf", "+1", "01", "-01", "00",
    "1.", ".1", "-.1", "-", "+", "1e", "1e+", "1E-", "1.e1", "1.0.0", "1 2", "0x10", "0b1", "0o7", "1_000", "1,000", "--1", "1-", "1a", "１", "'a'", "`a`", '"a',
    'a"', '"a""b"', '"\\x41"', '"\\u41"', '"\\u004"', '"\\u00G0"', '"\\U0041"', '"\\a"', '"\\\'"', '"\\0"', '"\\"', '"\n"', '"\t"', '"\r"', '"\x00"', '"\x1f"',
    '"\\\n"', "[", "]", "[1", "1]", "[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "(1)", "<1>", "[1}", "{", "}", "{,}", '{"a"}', '{"a":}',
    '{"a":1,}', '{,"a":1}', '{"a":1 "b":2}', '{"a" 1}', '{"a"::1}', '{"a":1,,"b":2}', "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{[]:1}", '{"a":1]', '{"a":1;"b":2}',
    '{"a"=1}', '{"a":1}}', "[]]", "[] []", "{} {}", "1 1", "/* */1", "1/* */", "//\n1", "1//", "#1", "1#", "[/**/]", '{"a":/**/1}', "\\u0041", "\\", "&amp;", "@", "$",
    "\u00a01", "1\u00a0", "\u20281", "\x0b1", "\x0c1", "1\x00", "\x001", "*", "?", "~", "[...]", "[1...2]", "function(){}", "new Date()", "1n", "1f", "1d", "1L", "/a/",
]  # fmt: skip
# Bytes that are no UTF-8, or not what they seem.
BAD_BYTES = [
    b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xe0\x80\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf5\x80\x80\x80"}', b'{"a":"\xc3"}', b'{"a":"\xe2\x82"}',
    b'{"\xff":1}', b"\xff\xfe{\x00}\x00", b"\xfe\xff\x00{\x00}", b"{\x00}\x00", b"\x00{\x00}", b"\xef\xbb{}", b"\xef\xbb\xbf\xef\xbb\xbf{}", b'{"a":1}\xef\xbb\xbf',
    b"+ADw-", b'{"a":"\x80"}', b'{"a":"\xf8\x88\x80\x80\x80"}', b'{"a":"\xfc\x84\x80\x80\x80\x80"}', b"\xc2\x85{}", b"{}\xc2\x85",
]  # fmt: skip
AROUND = [
    ("", ""),
    (" ", " "),
    ("\t\r\n", "\n"),
    ('{"prompt":"a nurse","x":', "}"),
    ('{"x":', ',"prompt":"a nurse"}'),
    ("[", "]"),
]


def documents() -> Iterator[tuple[bytes, bool]]:
    """Document and whether it is one."""
    for value in GOOD_VALUES:
        for before, after in AROUND[:1] + AROUND[3:5]:
            yield (before + value + after).encode(), True
    for value in BAD_VALUES:
        for before, after in AROUND[:1] + AROUND[4:5]:
            yield (before + value + after).encode("utf-8"), False
    for raw in BAD_BYTES:
        yield raw, False
    for before, after in AROUND:
        yield (before + "{}" + after).encode(), True
    for depth, good in ((1, True), (63, True), (65, False), (1_000, False), (100_000, False)):
        yield b"[" * depth + b"]" * depth, good
        yield b'{"a":' * depth + b"1" + b"}" * depth, good
    yield b"\xef\xbb\xbf{}", True
