from __future__ import annotations

import pytest

from neuroguide._core import errors


def test_users_may_catch_the_builtin_kinds():
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.FileError, errors.InputError)
    assert issubclass(errors.OptionError, errors.InputError)
    assert issubclass(errors.DownloadError, OSError)
    assert issubclass(errors.MissingExtraError, ImportError)
    kinds = [errors.InputError, errors.DownloadError, errors.MissingExtraError, errors.CandidateError]
    assert all(issubclass(kind, errors.NeuroguideError) for kind in kinds)
    assert not issubclass(errors.NeuroguideWarning, errors.NeuroguideError)


def test_a_missing_extra_says_what_to_install():
    with pytest.raises(ImportError, match=r'NWB files needs pynwb.*pip install "neuroguide\[nwb\]"'):
        raise errors.missing_extra("pynwb", "nwb", "reading NWB files")


def test_a_name_from_a_file_gives_a_terminal_no_orders():
    name = "a\nb\r\x1b[2J\x9b31m\u202etxt\udcffü"
    error = errors.FileError(f"{name} is broken")
    assert str(error) == "a\\nb\\r\\x1b[2J\\x9b31m\\u202etxt\\udcffü is broken"
    str(errors.DownloadError(name)).encode()
    assert str(errors.missing_extra("pynwb", "nwb", name)).isprintable()


def test_a_message_is_no_longer_than_anybody_reads():
    found = str(errors.OptionError("x" * 10**6 + " is unknown"))
    assert len(found) < 5000
    assert found.endswith("x is unknown")
