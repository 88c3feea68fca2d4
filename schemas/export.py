"""All contract documents as files: the JSON Schemas, and the AsyncAPI document that refers to them."""

from __future__ import annotations

import json

from schemas.asyncapi import FILE, document
from schemas.documents import file_name, schemas


def files() -> dict[str, str]:
    """Text of every document by file name."""
    documents = {file_name(name): schema for name, schema in schemas().items()} | {FILE: document()}
    return {name: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in documents.items()}
