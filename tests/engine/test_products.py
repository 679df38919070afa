"""Products of rows: right for every layout, and no layout is slow."""

from __future__ import annotations

import time

import pytest
import torch

from neuroguide.engine.products import row_products


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shapes", [((3, 5), (4, 5)), ((192, 128), (320, 128)), ((1, 1), (1, 1)), ((0, 3), (2, 3))])
def test_equals_the_products_one_by_one(dtype, shapes):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
    expected = (a.double()[:, None] * b.double()[None]).sum(-1)
    torch.testing.assert_close(
        row_products(a, b).double(), expected, atol=1e-4 if dtype == torch.float32 else 1e-12, rtol=0
    )


def test_rows_that_lie_apart_are_no_slower():
    """A stack of halves of the repetitions is cut out along the middle dimension."""
    stack = torch.randn(320, 65, 128)
    apart, together = stack[:, 3], stack[:, 3].clone()
    seconds = {}
    for name, rows in {"apart": apart, "together": together}.items():
        row_products(rows[:192], rows)
        times = []
        for _ in range(5):
            start = time.process_time()
            row_products(rows[:192], rows)
            times.append(time.process_time() - start)
        seconds[name] = min(times)
    # the copy costs something; without it the ratio is above 100
    assert seconds["apart"] < 30 * seconds["together"] + 1e-3
    torch.testing.assert_close(row_products(apart[:192], apart), row_products(together[:192], together))
