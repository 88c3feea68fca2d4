"""Test that requests are held to what the document says about parameters."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.requests import Request

from schemas.endpoints import ENDPOINTS, LATEST, Parameter
from streamer.web.api import parameters
from streamer.web.api.problems import ProblemError


def request(query: str) -> Request:
    return Request({"type": "http", "headers": [], "query_string": query.encode()})


def documented(name: str) -> Parameter:
    return next(one for endpoint in ENDPOINTS for one in endpoint.parameters if one.name == name)


def test_numbers_reach_as_far_as_the_document_says() -> None:
    assert documented("before").schema["maximum"] == LATEST
    assert parameters.number_of(request(f"before={LATEST}"), "before", 1, LATEST, None) == LATEST
    for wrong in (LATEST + 1, 0, -1, "1e3", "²", "9" * 5_000):
        with pytest.raises(ProblemError, match="parameter before is invalid"):
            parameters.number_of(request(f"before={wrong}"), "before", 1, LATEST, None)


@pytest.mark.parametrize("text", ["an", "a\0n", "\0", "\u00e4n", "\ud800"])
def test_texts_have_no_null_as_the_document_says(text: str) -> None:
    schema: Any = documented("query").schema

    def taken() -> bool:
        scope = {"type": "http", "path_params": {"id": text}}
        try:
            return parameters.id_of(Request(scope)) == text
        except ProblemError:
            return False

    assert taken() is (text.isprintable() and re.search(schema["pattern"], text) is not None)
