"""JSON in and out without loss (rule 6)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intercom_assets.client.decoding import decode, encode

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@pytest.mark.long
@given(documents)
def test_rule_6_integers_keep_every_digit_and_everything_its_value(document: Any) -> None:
    assert decode(json.dumps(document).encode()) == document
    assert decode(encode(document).encode()) == document


def test_rule_6_a_lone_surrogate_becomes_the_replacement_character() -> None:
    body = rb'{"a\ud800": ["x\ud83dy", "\ud83d\ude00"], "n": 12345678901234567890}'
    assert decode(body) == {"a\ufffd": ["x\ufffdy", "😀"], "n": 12345678901234567890}


def test_nul_is_kept() -> None:
    assert decode(encode({"a": "x\0y"}).encode()) == {"a": "x\0y"}


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"a": tru', b"\xff\xfe"])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        decode(body)
