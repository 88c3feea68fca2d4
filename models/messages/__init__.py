"""The catalogue of all texts that people read, in each language.

Ids are the same in every language. A segment that still has its shipped name is shown in the current language; a name
that the shop wrote itself, in ``segments.toml`` or with ``segments rename``, is shown unchanged in every language.
``english`` and ``chinese`` hold the texts; a test checks that both have the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

from models.messages import chinese, english
from models.messages.count import counted
from models.messages.table import Named, Table
from schemas.screen_text import line

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
TABLES: Final[dict[Language, Table]] = {"en": english.TABLE, "zh": chinese.TABLE}


@dataclass(frozen=True, slots=True)
class Messages:
    """The texts of one language. Call it with a key of ``Table.texts`` and the values of its placeholders.

    >>> messages("en")("border", border="45")
    ' (border 45)'
    >>> messages("zh").segment("lifecycle", "at_risk", "At risk"), messages("zh").segment("lifecycle", "at_risk", "Sleepy")
    ('有流失风险', 'Sleepy')
    """

    language: Language
    table: Table

    def __call__(self, key: str, **values: object) -> str:
        return self.table.texts[key].format(
            **{name: line(value) if isinstance(value, str) else counted(value) for name, value in values.items()}
        )

    def segment(self, segmentation: str, id: str, name: str) -> str:
        """Return the name of a declared segment; ``name`` is the one in its definition."""
        shipped = english.TABLE.segments.get((segmentation, id))
        if shipped is None or shipped.name != name:
            return name
        return self.table.segments[segmentation, id].name

    def meaning(self, segmentation: str, id: str, meaning: str) -> str:
        """Return the meaning of a declared segment; ``meaning`` is the one in its definition."""
        shipped = english.TABLE.segments.get((segmentation, id))
        if shipped is None or shipped.meaning != meaning:
            return meaning
        return self.table.segments[segmentation, id].meaning

    def cluster(self, name: str) -> str:
        """Return the name of a cluster.

        ``name`` is the English name of its prototype, ``Moderate 2`` (``Group 12`` in old versions), ``Segment A``, or
        a name that a person gave it.
        """
        if (found := self.table.clusters.get(name)) is not None:
            return found.name
        stem, _, number = name.rpartition(" ")
        if stem == "Segment" and len(number) == 1:
            return self("lettered", letter=number)
        if not number.isdigit():
            return name
        if stem == "Group":
            return self("group", number=number)
        known = self.table.clusters.get(stem)
        return name if known is None else self("numbered", name=known.name, number=number)

    def named(self, segmentation: str, id: str, name: str) -> str:
        """Return the name of any segment; ``name`` is the one in its definition, model or published change."""
        if (segmentation, id) in english.TABLE.segments:
            return self.segment(segmentation, id, name)
        return self.cluster(name) if segmentation == "behaviour" else name

    def member(self, segmentation: str, ids: str) -> str:
        """Return the segments in a condition, given as comma-separated ids, by their names where known."""
        found = [self.table.segments.get((segmentation, id), Named(id, "")) for id in ids.split(", ")]
        return ", ".join(one.name for one in found)

    def of_id(self, segmentation: str, id: str) -> str:
        """Return the shipped name of a segment by its id alone, or the id if there is no such name."""
        found = self.table.segments.get((segmentation, id))
        if found is None and segmentation == "behaviour":
            found = next((named for name, named in self.table.clusters.items() if id_of(name) == id), None)
            stem, _, behind = id.rpartition("_")
            if found is None and stem in ("segment", "group"):
                return self.cluster(f"{stem.capitalize()} {behind.upper()}")
            if found is None and behind.isdigit() and (first := self.of_id(segmentation, stem)) != stem:
                return self("numbered", name=first, number=behind)
        return id if found is None else found.name

    def cluster_meaning(self, name: str) -> str:
        """Return a description of a prototype's customers; empty for any other name."""
        found = self.table.clusters.get(name)
        return "" if found is None else found.meaning

    def segmentation(self, name: str) -> str:
        """Return the name of a segmentation; its id if it is the shop's own."""
        return self.table.segmentations.get(name, name)

    def kind(self, name: str) -> str:
        """Return the name of a kind of segmentation; its id in English."""
        return self.table.kinds.get(name, name)

    def cause(self, name: str) -> str:
        """Return a change's cause in words."""
        return self.table.causes.get(name, name)

    def feature(self, name: str) -> str:
        """Return a feature's name for people; rules always use its id."""
        return self.table.features.get(name, name)

    def unit(self, name: str) -> str:
        """Return the unit of a feature."""
        return self.table.units.get(name, name)


def id_of(name: str) -> str:
    """Return the segment id that is derived from the segment's first name.

    >>> id_of("Bargain hunters"), id_of("Big-ticket")
    ('bargain_hunters', 'big_ticket')
    """
    return "".join(ch if ch.isalnum() else "_" for ch in name.lower())


@lru_cache
def messages(language: Language = "en") -> Messages:
    """Return the messages of a language."""
    return Messages(language, TABLES[language])
