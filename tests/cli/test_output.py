"""Names from files are shown, whatever they hold."""

from __future__ import annotations

import pytest

from neuroguide.cli import _output


def test_a_terminal_obeys_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    name = "V4\x1b[2J\x9b31m\u202e[bold] [/x]"
    shown = r"V4\x1b[2J\x9b31m\u202e[bold] [/x]"
    _output.print_table(name, [name], [[name]], caption=name)
    _output.out.print(f"{name}\nü", markup=False)
    _output.error(name)
    printed = capsys.readouterr()
    assert printed.out.count(shown) == 5
    assert shown in printed.err
    assert (printed.out + printed.err).replace("\n", "").isprintable()
