import pytest
import torch

from neuroguide._core.errors import OptionError
from neuroguide.engine.device import as_floating, resolve_device, resolve_dtype


def test_auto_is_the_best_device_there_is():
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert resolve_device().type == expected
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("name", ["cup", "cuda:x", "meta", "cpu:3", "cuda:99"])
def test_a_device_that_is_unknown_or_missing(name):
    with pytest.raises(OptionError):
        resolve_device(name)


def test_close_names_are_suggested():
    with pytest.raises(OptionError, match="did you mean 'cuda'"):
        resolve_device("cudo")


def test_dtypes():
    assert resolve_dtype("float32") == torch.float32
    assert resolve_dtype(torch.float64, "cpu") == torch.float64
    with pytest.raises(OptionError, match="float16"):
        resolve_dtype("float16")


def test_numbers_are_computed_in_their_own_precision_or_float32():
    assert as_floating(torch.zeros(2, dtype=torch.float64)).dtype == torch.float64
    assert as_floating(torch.zeros(2, dtype=torch.uint8)).dtype == torch.float32
    assert as_floating(torch.zeros(2, dtype=torch.bfloat16)).dtype == torch.float32
    assert as_floating(torch.zeros(2), torch.float64).dtype == torch.float64
