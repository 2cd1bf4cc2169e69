import pytest

from evenhand.proxy.ids import new_id, request_id


def test_ids_are_unique_and_sort_by_time() -> None:
    made = [new_id("d") for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert all(len(each) == 28 and each.startswith("d-") for each in made)
    assert [each[:11] for each in made] == sorted(each[:11] for each in made)


@pytest.mark.parametrize("given", [b"abc-123", b"req_01:x@y/z+=", b"A" * 128])
def test_a_valid_request_id_is_kept(given: bytes) -> None:
    assert request_id(given) == given.decode()


@pytest.mark.parametrize("given", [None, b"", b"a b", b"a\r\nX: y", b"\x1b[31m", "é".encode(), b"A" * 129, b"-a", b'"a"'])
def test_anything_else_is_replaced(given: bytes | None) -> None:
    assert request_id(given).startswith("r-")
