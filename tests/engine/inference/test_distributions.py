import pytest
import scipy.stats

from neuroguide.engine.inference.distributions import t_cdf, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 4, 19, 91, 5000])
@pytest.mark.parametrize("value", [-40.0, -2.1, -0.01, 0.0, 0.3, 1.96, 7.0])
def test_equals_scipy(value, freedom):
    assert t_cdf(value, freedom) == pytest.approx(scipy.stats.t.cdf(value, freedom), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("freedom", [1, 4, 91])
@pytest.mark.parametrize("probability", [0.001, 0.025, 0.5, 0.9, 0.9995])
def test_quantiles(probability, freedom):
    assert t_quantile(probability, freedom) == pytest.approx(
        scipy.stats.t.ppf(probability, freedom), abs=1e-8, rel=1e-9
    )
