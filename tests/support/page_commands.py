"""The commands of a page of the documentation."""

from __future__ import annotations

import re


def sh_blocks(page: str) -> list[str]:
    """The text of every block marked ``sh``, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
