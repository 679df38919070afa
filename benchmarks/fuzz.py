"""Broken and hostile files, opened as a user would: a sentence, or the file; never a crash, a hang or code that runs.

    python benchmarks/fuzz.py [--inputs 100000] [--targets netcdf4 npz ...] [--log FILE] [--seed 0]
    python benchmarks/fuzz.py --show npz:1234

Every target has small valid files, hostile ones that are put together (`fuzz_hostile.py`), and damage: to bytes of the
valid ones and, where the format has a structure, to that (`fuzz_mutations.py`). An input depends on the seed, the
target and its number alone; `--show` opens one and prints what happened.

The process that opens them, called the parent here, runs in a child of this script, so that its crash or hang is
noticed, with 2 GB of memory. Files that neuroguide reads in a child of its own are read there, in batches, as the
public functions would read them in this process; every tenth, and every file of a batch that harmed the child, goes
through the public function alone, whose child has 10 s and 1 GB (60 s and 4 GB outside of this script).

The table: `inputs`; `refused` with a sentence (NeuroguideError); `opened`; `killed`: children that crashed or were
stopped at their limits, each of which is a sentence too; `loose`: other exceptions of a loader, which its child makes a
sentence of; `crashed`: other exceptions in the parent, its death, anything that ran or came through; `hung`: inputs
that took the parent longer than its child may take and 30 s; `seconds`. With `--log` finished shards are kept, and
a second call goes on where the first was stopped.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from neuroguide._core.errors import FileError, NeuroguideError
from neuroguide._core.processes.tasks import TaskError
from neuroguide._core.processes.warm import WarmChild
from neuroguide.recordings import _isolated

COLUMNS = ("inputs", "refused", "opened", "killed", "loose", "crashed", "hung")

#: Inputs of a shard, of a batch in the child, and of those every how manieth goes through the public function.
SHARD, BATCH, PUBLIC = 200, 18, 10

#: Seconds that the child of a file may take here, and the parent beyond that.
CHILD_SECONDS, PARENT_SECONDS = 10.0, 30.0


def main() -> None:
    """Run what is left, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="Of all targets together.")
    parser.add_argument("--targets", nargs="+", help="By default all.")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", metavar="TARGET:NUMBER")
    given = parser.parse_args()
    if given.show:
        show(given.show, given.seed)
        return
    from fuzz_targets import TARGETS

    targets = given.targets or list(TARGETS)
    for shard in shards(targets, -(-given.inputs // len(targets)), given.seed, given.log):
        for kind, number, message in shard["found"]:
            print(f"{shard['target']}:{number} {kind}: {message}"[:300], flush=True)
        print(f"# {shard['target']} {shard['first']}+{shard['inputs']}: {shard['seconds']:.0f} s", flush=True)
    rows = table(shards(targets, -(-given.inputs // len(targets)), given.seed, given.log, only_done=True))
    print("\n".join(rows))


def shards(
    targets: list[str], each: int, seed: int, log: Path | None, *, size: int = SHARD, only_done: bool = False
) -> Any:
    """Results of every shard, in turn through the targets: those in the log, and the others as they are done."""
    done: dict[tuple[str, int], dict[str, Any]] = {}
    if log is not None and log.exists():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        done = {(line["target"], line["first"]): line for line in lines if line["seed"] == seed}
    elif only_done:
        done = dict(_kept)
    parent = WarmChild({"threads": 1, "time_limit": None, "memory_limit": 2 * 2**30})
    try:
        for first in range(0, each, size):
            for target in targets:
                key = target, first
                if key not in done and not only_done:
                    done[key] = _kept[key] = _guarded(parent, target, first, min(size, each - first), seed)
                    if log is not None:
                        with log.open("a") as handle:
                            handle.write(json.dumps(done[key]) + "\n")
                if key in done:
                    yield done[key]
    finally:
        parent.close()


#: Shards done by this process.
_kept: dict[tuple[str, int], dict[str, Any]] = {}


def _guarded(parent: WarmChild, target: str, first: int, count: int, seed: int) -> dict[str, Any]:
    """A shard in a process that may crash or hang: what did is counted, and what comes after it goes on."""
    parts = []
    skip: list[int] = []
    alone, number, end = first, first, first + count
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        place = Path(folder) / "place"
        while number < end:
            numbers = [n for n in range(number, end) if n not in skip]
            spec = {"target": target, "numbers": numbers, "alone": alone, "seed": seed, "folder": folder}
            started = time.monotonic()
            try:
                part = parent.call("fuzz:run_shard", spec, time_limit=(PARENT_SECONDS + CHILD_SECONDS) * 20)
            except TaskError as error:
                if error.kind == "exception":
                    # of this script's own
                    raise
                at = json.loads(place.read_text())
                counts, found = Counter(at["counts"]), at["found"]
                number = at["batch"][0]
                if at["made"] is not None:
                    # the fuzzer's own library died of its damage: no input, and no loader's fault
                    skip.append(at["made"])
                elif len(at["batch"]) > 1:
                    # one of them did it: each by itself
                    alone = at["batch"][-1] + 1
                else:
                    how = "hung" if error.kind == "time" else "crashed"
                    counts.update({how: 1, "inputs": 1})
                    found = [*found, [how, number, f"{error} {error.detail[-200:]}"]]
                    number += 1
                part = {"counts": counts, "found": found, "seconds": time.monotonic() - started}
            else:
                number = end
            parts.append(part)
    counts = sum((Counter(part["counts"]) for part in parts), Counter())
    found = [one for part in parts for one in part["found"]]
    return {
        "target": target, "first": first, "seed": seed, **{name: counts[name] for name in COLUMNS}, "found": found[:30],
        "seconds": sum(part["seconds"] for part in parts),
    }  # fmt: skip


def run_shard(spec: dict[str, Any]) -> dict[str, Any]:
    """In the parent: make and open inputs one after the other."""
    from fuzz_targets import TARGETS, make

    _isolated._SECONDS, _isolated._LEAST_MEMORY = CHILD_SECONDS, 2**30
    target, started = spec["target"], time.monotonic()
    counts: Counter[str] = Counter()
    found: list[list[Any]] = []
    numbers = list(spec["numbers"])
    while numbers:
        together = TARGETS[target].isolated and numbers[0] >= spec["alone"]
        batch = numbers[: BATCH if together else 1]
        del numbers[: len(batch)]
        place = {"batch": batch, "counts": dict(counts), "found": list(found)}
        with tempfile.TemporaryDirectory(prefix="inputs-", dir=spec["folder"]) as name:
            os.chdir(name)
            paths = {}
            for number in batch:
                folder = Path(name) / str(number)
                folder.mkdir()
                (Path(spec["folder"]) / "place").write_text(json.dumps({**place, "made": number}))
                paths[number] = make(target, number, spec["seed"], folder)
            (Path(spec["folder"]) / "place").write_text(json.dumps({**place, "made": None}))
            outcomes = {}
            if together:
                batched = {n: path for n, path in paths.items() if n % PUBLIC}
                outcomes = dict(zip(batched, _together(target, list(batched.values())), strict=False))
            for number, path in paths.items():
                outcome = outcomes.get(number) or attempt(target, path)
                if Path("fuzz-canary").exists():
                    outcome = {"kind": "crashed", "message": "code of the file was run"}
                    Path("fuzz-canary").unlink()
                counts.update([outcome["kind"], "inputs"])
                if outcome["kind"] in ("loose", "crashed", "hung", "killed"):
                    found.append([outcome["kind"], number, outcome["message"]])
            os.chdir(spec["folder"])
    gc.collect()
    return {"counts": dict(counts), "found": found, "seconds": time.monotonic() - started}


def _together(target: str, paths: list[Path]) -> list[dict[str, str]]:
    """Outcomes of a batch in the child; none if one of them harmed it, or ended in what needs a closer look."""
    try:
        # the first batch of a child waits for its imports
        _isolated._SECONDS = 6 * CHILD_SECONDS
        found = _isolated.read_isolated(
            "fuzz_targets:read_many", paths[0], {"target": target, "files": [str(p) for p in paths]}
        )
    except FileError:
        return []
    finally:
        _isolated._SECONDS = CHILD_SECONDS
    # inside a child every other exception is one of a loader's
    return [{**one, "kind": "loose"} if one["kind"] == "crashed" else one for one in found]


def attempt(target: str, path: Path) -> dict[str, str]:
    """Open one file, and say how that ended."""
    from fuzz_targets import TARGETS

    started = time.monotonic()
    message = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[target].open(path)
        kind = "opened"
    except NeuroguideError as error:
        message, kind = str(error), "refused"
        if isinstance(error.__cause__, TaskError):
            kind = "loose" if error.__cause__.kind == "exception" else "killed"
        if "\n" in message.strip():
            kind = "crashed"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "neuroguide" in frame.filename]
        at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
        message = f"{type(error).__name__}: {str(error)[:150]} at {at} {Path(where.filename).name}:{where.lineno}"
        kind = "crashed"
    if time.monotonic() - started > PARENT_SECONDS + CHILD_SECONDS:
        kind = "hung"
    return {"kind": kind, "message": message.encode("utf-8", "replace").decode()[:400]}


def show(which: str, seed: int) -> None:
    """Open one input as a user would, here, and print what happened."""
    from fuzz_targets import TARGETS, make

    target, _, number = which.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        path = make(target, int(number), seed, Path(folder))
        print(path, path.stat().st_size, "bytes")
        with _isolated.in_this_process():
            try:
                print(TARGETS[target].open(path))
            except Exception:
                traceback.print_exc()


def table(found: Any) -> list[str]:
    """One line a target, and their sums."""
    sums: dict[str, Counter[str]] = {}
    for shard in found:
        sums.setdefault(shard["target"], Counter()).update({name: shard[name] for name in (*COLUMNS, "seconds")})
    total: Counter[str] = sum(sums.values(), Counter())
    lines = [f"{'target':16}" + "".join(f"{name:>9}" for name in (*COLUMNS, "seconds"))]
    for name, counts in [*sums.items(), ("all", total)]:
        numbers = "".join(f"{counts[column]:>9}" for column in COLUMNS)
        lines.append(f"{name:16}{numbers}{counts['seconds']:>9.0f}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
