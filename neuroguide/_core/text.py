"""Text from files, made fit for a terminal."""

from __future__ import annotations

#: Characters of a message; what is longer is cut in its middle.
_LONGEST = 4000


def printable(text: str, *, lines: bool = False) -> str:
    """Text in which whatever is no visible character is written as its escape, so that a terminal obeys nothing.

    Parameters
    ----------
    text : str
        Names from files may hold line ends, a terminal's commands, marks that reverse the writing, lone surrogates.
    lines : bool
        Whether line ends stay.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or (lines and c == "\n") else ascii(c)[1:-1] for c in text)


def sentence(text: str) -> str:
    """The same on one line, and no longer than anybody reads."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return printable(text)
