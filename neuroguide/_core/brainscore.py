"""Calling Brain-Score: nothing is installed on the way, and what goes wrong becomes one sentence."""

from __future__ import annotations

import importlib
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from neuroguide._core.errors import DownloadError, InputError, NeuroguideError, missing_extra
from neuroguide._core.options import unknown_option

#: Asked of Brain-Score and of Amazon's client while we call them.
_ENVIRONMENT = {
    "BS_INSTALL_DEPENDENCIES": "no",  # otherwise every look-up runs `pip install` in the user's environment
    "AWS_EC2_METADATA_DISABLED": "true",  # otherwise a look-up waits for an address that only Amazon's machines have
}

_NETWORK = ("ClientError", "EndpointConnectionError", "NoCredentialsError", "ConnectTimeoutError", "HTTPClientError")


def brainscore(module: str, purpose: str) -> ModuleType:
    """A module of ``brainscore_vision`` or ``brainscore_core``.

    Parameters
    ----------
    module : str
        Its full name, ``"brainscore_vision.metrics"``.
    purpose : str
        What it is needed for, as the start of the sentence.

    Raises
    ------
    MissingExtraError
        If Brain-Score is not installed.
    InputError
        If it is installed but does not load.
    """
    try:
        with warnings.catch_warnings():
            # its classes warn about themselves while they are defined
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("brainscore_vision", "brainscore_core"):
            raise missing_extra("brainscore-vision", "brainscore", purpose) from error
        raise InputError(f"Brain-Score is installed but does not load: {_line(error)}; install it again") from error
    except Exception as error:  # compiled parts that do not fit together fail in ways of their own
        raise InputError(f"Brain-Score is installed but does not load: {_line(error)}; install it again") from error


@contextmanager
def quiet_environment() -> Iterator[None]:
    """Keep Brain-Score from installing packages; the user's own setting is back afterwards."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def load(kind: str, identifier: str) -> Any:
    """What is registered in Brain-Score under an identifier, by one of its plugins or by the running program.

    Parameters
    ----------
    kind : {"dataset", "stimulus_set", "metric", "model"}
        Which of its registries is asked.
    identifier : str
        The name there, ``"MajajHong2015.public"``.

    Raises
    ------
    MissingExtraError
        If Brain-Score is not installed.
    OptionError
        If nothing is registered by that name; the message suggests close ones.
    DownloadError
        If its files cannot be downloaded, or are not what they should be.
    InputError
        If it fails in another way, e.g. because it needs a package that is not installed.
    """
    words = kind.replace("_", " ")
    name = f"Brain-Score's {words} {identifier!r}"
    vision = brainscore("brainscore_vision", f"opening {name}")
    try:
        with quiet_environment():
            # its own look-up knows the plugins in its folder only, not what a program has registered by itself
            here = _registry(vision, kind)
            return here[identifier]() if identifier in here else getattr(vision, f"load_{kind}")(identifier)
    except NeuroguideError:
        raise
    except Exception as error:
        if isinstance(error, AssertionError) and "No registrations found" in str(error):
            raise unknown_option(f"Brain-Score {words}", identifier, registered(kind)) from None
        raise _sentence(name, error) from error


#: The folder of Brain-Score's plugins of each kind, and the registry that they write to.
_PLACES: Mapping[str, tuple[str, str]] = {
    "dataset": ("data", "data"),
    "stimulus_set": ("data", "stimulus_set"),
    "metric": ("metrics", "metric"),
    "model": ("models", "model"),
}


def registered(kind: str) -> list[str]:
    """The identifiers of one of its registries: what is in it, and what the text of its plugins would put there."""
    entry = re.compile(rf"""\b{_PLACES[kind][1]}_registry\[['"]([^'"{{}}]+)['"]\]""")
    here = _registry(brainscore("brainscore_vision", "looking into Brain-Score's registries"), kind)
    return sorted({*here, *(name for text in plugin_texts(kind) for name in entry.findall(text))})


def _registry(vision: ModuleType, kind: str) -> Mapping[str, Callable[[], Any]]:
    registry: Mapping[str, Callable[[], Any]] = getattr(vision, f"{_PLACES[kind][1]}_registry")
    return registry


def plugin_texts(kind: str) -> Iterator[str]:
    """The text of every plugin of a kind."""
    vision = brainscore("brainscore_vision", "looking into Brain-Score's registries")
    folder = Path(str(vision.__file__)).parent / _PLACES[kind][0]
    for file in sorted(folder.glob("*/__init__.py")):
        yield file.read_text(encoding="utf-8", errors="replace")


def _sentence(name: str, error: Exception) -> NeuroguideError:
    """One sentence for whatever Brain-Score raised."""
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else [error]
    causes = [part for part in parts if isinstance(part, Exception)]
    kinds = {base.__name__ for cause in causes for base in type(cause).__mro__}
    if kinds & {*_NETWORK, "URLError", "ConnectionError", "HTTPError", "ProxyError", "LocalEntryNotFoundError"}:
        # signed access is tried first, and its failure says nothing
        last = next((cause for cause in reversed(causes) if type(cause).__name__ != "NoCredentialsError"), causes[-1])
        return DownloadError(f"{name} cannot be downloaded ({_line(last)}); check the connection and try again")
    if "SHA1 mismatch" in str(error):
        return DownloadError(
            f"{name} is damaged in Brain-Score's cache ({_line(error)}); delete that folder of ~/.brainio and try again"
        )
    if isinstance(error, ModuleNotFoundError):
        return InputError(
            f"{name} needs the package {error.name!r}, which is not installed (neuroguide keeps Brain-Score from "
            f"installing it): pip install it yourself"
        )
    return InputError(f"{name} cannot be opened: {_line(causes[-1] if causes else error)}")


def _line(error: BaseException, most: int = 200) -> str:
    text = " ".join(str(error).split())
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__
