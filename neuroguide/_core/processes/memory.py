"""How much memory another process holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def can_watch() -> bool:
    """Whether this system tells the resident size of a process (Linux and macOS do)."""
    return sys.platform.startswith("linux") or sys.platform == "darwin"


def resident_bytes(pid: int) -> int | None:
    """Resident bytes of a process; None if it is gone."""
    return _from_proc(pid) if Path("/proc/self/status").exists() else _from_ps(pid)


def _from_proc(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            # a process that has ended and waits to be collected has no such line
            return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS")), None)
    except OSError:
        return None


def _from_ps(pid: int) -> int | None:
    listing = subprocess.run(  # noqa: S603 - a number that we made
        ["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return int(listing.stdout) * 1024 if listing.stdout.strip().isdigit() else None
