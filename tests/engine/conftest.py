from pathlib import Path

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session")
def peer():
    """Inputs and results of rsatoolbox, made by reference/make_reference.py."""
    with np.load(Path(__file__).parent / "reference" / "rsatoolbox.npz", allow_pickle=False) as stored:
        return {key: torch.from_numpy(stored[key]) for key in stored.files}


@pytest.fixture(autouse=True)
def seeded():
    """Every test draws the same numbers, whatever ran before it."""
    torch.manual_seed(0)
