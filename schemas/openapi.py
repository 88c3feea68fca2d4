"""The OpenAPI 3.1 document of the HTTP API, generated from the table of endpoints (`endpoints`)."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.api import Problem
from schemas.endpoints import COLLECTING, ENDPOINTS, PERMISSIONS, Endpoint

FILE: Final = "openapi.json"
_ALL: Final = (*ENDPOINTS, *COLLECTING)
_PLACE: Final = "#/components/schemas/{model}"
_ALWAYS: Final = {
    400: "A parameter or the body is wrong",
    401: "No token, or one that is not known",
    403: "The token does not allow this",
    429: "Too many requests",
    503: "Kafka, Redis or the read model cannot answer right now",
}
_OTHERS: Final = {
    404: "There is no such customer or segment",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "The body is packed in a way that is not read",
    422: "The file is wrong",
}


def document(version: str = "1.0.0") -> dict[str, Any]:
    """Return the document as JSON values."""
    models: list[type[BaseModel]] = [Problem, *dict.fromkeys(one.answer for one in _ALL if one.answer is not None)]
    _, schemas = models_json_schema([(model, "serialization") for model in models], ref_template=_PLACE)
    paths: dict[str, dict[str, Any]] = {}
    for one in _ALL:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "streamer",
            "version": version,
            "description": "Who is in which segment, who moved and why. Within /v1 nothing is removed or narrowed.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by `streamer tokens create`. Permissions: "
                    + "; ".join(f"{name}: {what}" for name, what in PERMISSIONS.items()),
                }
            },
        },
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": "string"}
    if one.answer is not None:
        answer = {"$ref": _PLACE.format(model=one.answer.__name__)}
    found: dict[str, Any] = {
        "operationId": one.id,
        "summary": one.summary,
        "description": f"Needs a token that may `{one.permission}`." if one.permission else "Needs no token.",
        "responses": {
            str(one.status): {"description": "The answer", "content": {one.media: {"schema": answer}}},
            **{str(status): _problem(text) for status, text in _ALWAYS.items()},
            **{str(status): _problem(_OTHERS[status]) for status in one.problems},
        },
    }
    if one.parameters:
        found["parameters"] = [
            {
                "name": parameter.name,
                "in": parameter.place,
                "required": parameter.required or parameter.place == "path",
                "description": parameter.what,
                "schema": dict(parameter.schema),
            }
            for parameter in one.parameters
        ]
    if one.body is not None:
        schema = {"type": "string"} if one.takes is None else dict(one.takes)
        media = (
            {key: {"schema": schema} for key in (one.body, "text/plain")}
            if one.takes is None
            else {one.body: {"schema": schema}}
        )
        found["requestBody"] = {"required": True, "content": media}
    if one.permission is None:
        found["security"] = []
    return found


def _problem(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {"application/problem+json": {"schema": {"$ref": _PLACE.format(model="Problem")}}},
    }
