"""Backgrounds with the statistics of natural images: amplitude falls as 1/f, phases are random, colours are opponent.

The component at each frequency is drawn from (scene, frequency), so an image shows the same background at any size,
only with finer detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from neuroguide.models.render.draws import Keys, uniforms
from neuroguide.models.render.shapes import Array

#: Slopes of the amplitude spectrum that occur (natural photographs: about 1; Field 1987, Ruderman 1994).
_SLOPES = np.linspace(1.0, 1.5, 6)

#: Frequencies, in cycles per image, over which the contrast is defined, whatever the size that is rendered.
_REFERENCE = 64

#: Luminance, red-green and blue-yellow as directions in (red, green, blue).
_OPPONENT = np.array([[1.0, 1.0, 1.0], [1.0, -0.7, 0.1], [0.35, 0.35, -1.2]])

_STATISTICS, _PHASES = 192, 1024


@dataclass(frozen=True)
class _Frequencies:
    """The half plane of frequencies of a real picture, shape (size, size // 2 + 1).

    Attributes
    ----------
    amplitudes : array of shape (n_slopes, size, size // 2 + 1)
        ``f ** -slope``, scaled to unit variance over the reference frequencies.
    codes : int array
        A number for each frequency, the same at any size.
    centring : array
        Phase that moves a picture by half a pixel: pixels are sampled at their centres.
    """

    amplitudes: Array
    codes: Keys
    centring: Array


@cache
def _frequencies(size: int) -> _Frequencies:
    down = np.fft.fftfreq(size, 1 / size).round().astype(np.int64)[:, None]
    across = np.arange(size // 2 + 1)[None, :]
    amplitudes = np.stack([_falling(down, across, slope) for slope in _SLOPES])
    # the highest frequency of an even size has no partner: its phase would not be free
    amplitudes[:, (np.abs(down) >= size // 2) | (across >= size // 2)] = 0.0
    codes = (down + 4 * _REFERENCE) * (8 * _REFERENCE) + across
    return _Frequencies(amplitudes, codes, np.asarray((down + across) * (np.pi / size), dtype=np.float64))


def _falling(down: Keys, across: Keys, slope: float) -> Array:
    """``f ** -slope``, scaled so that the sum of squares over the reference frequencies is one."""

    def power(y: Keys, x: Keys) -> Array:
        radius = np.sqrt(y.astype(float) ** 2 + x.astype(float) ** 2)
        return np.where(radius > 0, np.maximum(radius, 0.5) ** -slope, 0.0)

    line = np.arange(-_REFERENCE + 1, _REFERENCE)
    total = np.sqrt((power(line[:, None], line[None, :]) ** 2).sum())
    return np.asarray(power(down, across) / total)


def _fields(scenes: Keys, slopes: npt.NDArray[np.intp], size: int) -> torch.Tensor:
    """Three random fields of unit variance for each scene, shape (n, 3, size, size), float64.

    In float64, as the transform may sum in another order in another batch: that must not reach the 8 bits of a pixel.
    """
    frequencies = _frequencies(size)
    positions = _PHASES + frequencies.codes + np.arange(3)[:, None, None] * (8 * _REFERENCE) ** 2
    phases = torch.from_numpy(uniforms(scenes, positions)).mul_(2 * np.pi)
    phases += torch.from_numpy(frequencies.centring)
    amplitudes = torch.from_numpy(frequencies.amplitudes[slopes])[:, None].expand_as(phases)
    spectrum = torch.polar(amplitudes.contiguous(), phases)
    # a real picture: what has no horizontal frequency is its own mirror image
    half = size // 2
    spectrum[..., half + 1 :, 0] = spectrum[..., 1:half, 0].flip(-1).conj()
    # "forward" leaves the inverse unscaled: the variance of a field is the sum of its squared amplitudes
    fields: torch.Tensor = torch.fft.irfft2(spectrum, s=(size, size), norm="forward")
    return fields


def natural_backgrounds(scenes: Keys, size: int) -> torch.Tensor:
    """Backgrounds of some scenes.

    Parameters
    ----------
    scenes : array of shape (n,)
        Keys of the scenes.
    size : int
        Height and width in pixels, even.

    Returns
    -------
    Tensor of shape (n, 3, size, size)
        Red, green and blue, float32, not yet clipped to [0, 1].
    """
    draw = uniforms(scenes, np.arange(_STATISTICS, _STATISTICS + 7))
    fields = _fields(scenes, (draw[:, 0] * len(_SLOPES)).astype(np.intp), size)
    contrast = 0.07 + 0.10 * draw[:, 1:2]
    chroma = 0.05 + 0.25 * draw[:, 2:4]
    brightness = 0.3 + 0.35 * draw[:, 4:5]
    cast = 0.15 * (draw[:, 5:7] - 0.5)
    mean = torch.from_numpy(brightness * (1.0 + cast @ _OPPONENT[1:]))
    gains = contrast * np.concatenate([np.ones_like(contrast), chroma], axis=1)
    mixing = torch.from_numpy(gains[:, :, None] * _OPPONENT)
    colours = mean[:, :, None, None]
    for channel in range(3):
        colours = colours + mixing[:, channel, :, None, None] * fields[:, channel, None]
    return colours.to(torch.float32)
