"""All contract documents as files: JSON Schemas, the AsyncAPI document that refers to them, and the OpenAPI document."""

from __future__ import annotations

import json

from schemas import asyncapi, openapi
from schemas.documents import file_name, schemas


def files() -> dict[str, str]:
    """Return the text of every document by file name."""
    documents = {file_name(name): schema for name, schema in schemas().items()} | {
        asyncapi.FILE: asyncapi.document(),
        openapi.FILE: openapi.document(),
    }
    return {name: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in documents.items()}
