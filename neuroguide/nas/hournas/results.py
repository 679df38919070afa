"""A HourNAS run as it lies in its folder: an ordinary run, and what the supernet learned on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open

from neuroguide._core.errors import FileError
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.hournas.supernet import choices_of
from neuroguide.nas.hournas.table import CostTable
from neuroguide.nas.run import SearchRun
from neuroguide.nas.spaces.hourglass import HourglassArchitecture

#: What ``[search] method`` says in ``run.toml``.
METHOD = "hournas"


def state_file(folder: RunFolder) -> Path:
    """Where the supernet and its search stand."""
    return folder.path / METHOD / "state.safetensors"


def costs_file(folder: RunFolder) -> Path:
    """Where the costs of all blocks are, counted and measured when the run began."""
    return folder.inputs / "costs.safetensors"


class HourNASRun(SearchRun):
    """The results of a HourNAS search; candidates are the derived networks, measured with the shared weights.

    Parameters
    ----------
    path : path
        The run's folder.

    Raises
    ------
    FileError
        If it holds no run of this method.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        if self.settings["search"].get("method") != METHOD:
            raise FileError(f"{self.path} is no run of the method {METHOD}; open it with open_run")

    @property
    def costs(self) -> CostTable:
        """What every operation of every block costs."""
        return read_costs(self.folder)

    def probabilities(self) -> pd.DataFrame:
        """How likely each operation of each block was, over the search; for pictures.

        Returns
        -------
        DataFrame
            ``phase``, ``step`` (images shown until then), ``block``, ``vital`` (0 or 1), ``operation``,
            ``probability``; blocks that are not searched yet are uniform, decided ones have one operation with 1.
        """
        path = state_file(self.folder)
        try:
            with safe_open(path, framework="np") as file:
                found = file.get_tensor("snapshots")
                plain = json.loads((file.metadata() or {})["state"])
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise FileError(f"{path} cannot be read ({error}); resume the run") from error
        table = self.costs
        vital = [p.vital for p in self.space.positions]  # type: ignore[attr-defined]
        rows = [
            (plain["phases"][phase], images, block, int(vital[b]), operation, float(found[i, b, o]))
            for i, (phase, images) in enumerate(plain["snapshots"])
            for b, block in enumerate(table.blocks)
            for o, operation in enumerate(table.operations)
            if bool(table.allowed[b, o])
        ]
        return pd.DataFrame(rows, columns=["phase", "step", "block", "vital", "operation", "probability"])

    def derived(self) -> pd.DataFrame:
        """The leaderboard of the derived networks with all costs, as :func:`neuroguide.plot.budget` draws it."""
        table = self.leaderboard()
        table = table[table["kind"] == "candidate"].reset_index(drop=True)
        costs = self.costs
        for q, quantity in enumerate(costs.quantities):
            if quantity not in table.columns:
                choices = [choices_of(self.space, self.candidate(int(trial)).architecture) for trial in table["trial"]]  # type: ignore[arg-type]
                table[quantity] = costs.of(torch.tensor(choices))[:, q].numpy()
        table.attrs["simulated"] = int(self.settings["guide"].get("simulated", 0))
        return table

    def operations(self, arch: HourglassArchitecture) -> dict[str, str]:
        """What stands in each block of an architecture, by the block's name."""
        pairs = zip(self.costs.blocks, choices_of(self.space, arch), strict=True)  # type: ignore[arg-type]
        return {
            block: self.costs.operations[choice] for block, choice in pairs if choice < len(self.costs.operations) - 1
        }

    def budget_axes(self) -> dict[str, Any]:
        """Arguments of :func:`neuroguide.plot.budget`: the first budget against accuracy, coloured by similarity."""
        budgets = self.settings["search"]["budgets"]
        taught = "TG" in self.leaderboard().columns and self.leaderboard()["TG"].notna().any()
        return {
            "cost": budgets[0][0] if budgets else "flops",
            "value": "P",
            "color": "TG" if taught else None,
            "target": budgets[0][1] if budgets else None,
        }

    def losses(self) -> pd.DataFrame:
        """One row for each architecture step: ``phase``, ``images``, ``loss`` (cross-entropy) and ``TG``."""
        path = state_file(self.folder)
        try:
            with safe_open(path, framework="np") as file:
                history = json.loads((file.metadata() or {})["state"])["history"]
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise FileError(f"{path} cannot be read ({error}); resume the run") from error
        return pd.DataFrame(history, columns=["phase", "images", "loss", "TG"])


def read_costs(folder: RunFolder) -> CostTable:
    """The cost table that a run was started with.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = costs_file(folder)
    try:
        with safe_open(path, framework="pt") as file:
            names = json.loads((file.metadata() or {})["names"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return CostTable.restore(tensors, names)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FileError(f"{path} cannot be read ({error}); restore it from a copy") from error
