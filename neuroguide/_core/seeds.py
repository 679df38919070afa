"""Seeds derived from names and numbers, so that nothing depends on the order of draws."""

from __future__ import annotations

import hashlib
import json


def derive_seed(*parts: object) -> int:
    """A seed in ``[0, 2**63)`` from any JSON-able parts, the same on every machine and Python.

    Parameters
    ----------
    *parts : str, int, float, bool, None, or lists and dicts of them
        What the seed depends on, e.g. ``derive_seed(run_seed, "trial", 17)``.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
