"""JSON of an image is refused when it cannot be read in exactly one way."""

from __future__ import annotations

import pytest

from image_harness.image.documents import JsonObject, parse_json
from image_harness.image.errors import ImageError


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b'{"a": 1, "b": {"a": 1, "a": 2}}', "the key 'a' is there twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not JSON"),
    ],
)
def test_a_document_that_is_no_clear_json_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        parse_json(data, "file")
    assert str(caught.value).startswith("file: ")


def test_the_outermost_value_must_be_an_object() -> None:
    with pytest.raises(ImageError, match="file: the JSON is a list, not an object"):
        JsonObject.parse(b"[]", "file")


@pytest.mark.parametrize(
    ("reader", "value", "message"),
    [
        ("text", b"1", "inner.key is the number 1, not a text"),
        ("text", b"null", "inner.key is missing, not a text"),
        ("integer", b'"1"', "inner.key is the text '1', not a whole number"),
        ("integer", b"true", "inner.key is true or false, not a whole number"),
        ("integer", b"-1", "inner.key is the number -1, not a whole number"),
        ("integer", b"1.5", "inner.key is a fraction, not a whole number"),
        ("integer", b"9223372036854775808", "inner.key is the number 9223372036854775808, not a whole number"),
        ("integer", b"-" + b"9" * 25, "inner.key is a number, not a whole number"),
        ("integer", b'"' + b"x" * 99 + b'"', f"inner.key is the text '{'x' * 80}', not a whole number"),
        ("boolean", b"1", "inner.key is the number 1, not true or false"),
        ("digest", b'"sha256:xy"', "not sha256: and 64 lower-case hex digits"),
        ("digest", b'"SHA256:' + b"A" * 64 + b'"', "not sha256: and 64 lower-case hex digits"),
        ("texts", b"{}", "inner.key is an object, not a list"),
        ("texts", b'["a", 1]', r"inner.key\[1\] is the number 1, not a text"),
        ("text_map", b"[]", "inner.key is a list, not an object"),
        ("text_map", b'{"a": 1}', "inner.key.a is the number 1, not a text"),
        ("mapping", b'"x"', "inner.key is the text 'x', not an object"),
        ("objects", b"{}", "inner.key is an object, not a list"),
        ("objects", b"[1]", r"inner.key\[0\] is the number 1, not an object"),
    ],
)
def test_a_value_of_the_wrong_shape_is_named_with_its_keys(reader: str, value: bytes, message: str) -> None:
    document = JsonObject.parse(b'{"inner": {"key": ' + value + b"}}", "file").mapping("inner")
    with pytest.raises(ImageError, match=message):
        getattr(document, reader)("key")


def test_null_counts_as_absent() -> None:
    document = JsonObject.parse(b'{"key": null}', "file")
    assert document.optional_text("key") is None
    assert document.optional_integer("key") is None
    assert document.texts("key") is None
    assert document.objects("key") == ()
    assert document.text_map("key") == {}


def test_a_message_stays_on_one_line_whatever_the_document_says() -> None:
    document = JsonObject.parse(b'{"a\\nb\\u001b[31m": 1}', "file")
    with pytest.raises(ImageError) as caught:
        document.text("a\nb\x1b[31m")
    assert str(caught.value).isprintable()
