"""What a report consists of: plain text, which the template escapes; only drawings are markup of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """What a cell of a table shows, and by what it is sorted (its text if None; NaN and the empty text go last)."""

    text: str
    key: float | str | None = None
    href: str = ""


@dataclass(frozen=True)
class Column:
    """The heading of a column, whether it holds numbers, and a longer name that is shown on hover."""

    label: str
    numeric: bool = False
    about: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption; every row has a cell for each column."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Figure:
    """A drawing: inline SVG, what it shows in words for those who do not see it, and a caption."""

    name: str
    drawing: Markup
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Card:
    """A candidate by itself."""

    name: str
    title: str
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table] = ()
    drawing: Figure | None = None


@dataclass(frozen=True)
class MatrixImage:
    """An RDM as a picture of one pixel for each pair of stimuli (or of groups of neighbours)."""

    name: str
    uri: str
    similarities: Sequence[str] = ()


@dataclass(frozen=True)
class Viewer:
    """RDMs of all layers to look at beside those of the regions; ``stimuli`` names their rows."""

    regions: Sequence[MatrixImage]
    layers: Sequence[MatrixImage]
    stimuli: Sequence[str]
    best: str


@dataclass(frozen=True)
class Group:
    """A list of facts under a heading."""

    title: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """Everything in a report, in the order of the page."""

    title: str
    kind: str
    simulated: bool
    summary: Sequence[str]
    board: Table
    provenance: Sequence[Group]
    commands: Sequence[tuple[str, str]]
    references: Sequence[str]
    methods: str = ""
    figures: Sequence[Figure] = ()
    viewer: Viewer | None = None
    cards: Sequence[Card] = ()
    cards_note: str = ""
    made: Sequence[tuple[str, str]] = field(default_factory=list)
