"""Small image files, folders and zips."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pictures() -> np.ndarray:
    """Five random images of shape (5, 12, 10, 3)."""
    return np.random.default_rng(0).integers(0, 256, size=(5, 12, 10, 3), dtype=np.uint8)


@pytest.fixture
def encode() -> Callable[..., bytes]:
    def _encode(array: np.ndarray, format: str = "PNG", **options: object) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, format=format, **options)
        return buffer.getvalue()

    return _encode


@pytest.fixture
def image_folder(tmp_path: Path, pictures: np.ndarray, encode: Callable[..., bytes]) -> Path:
    """A folder ``objects`` with stimuli.csv and five PNGs, two of them in a subfolder; rows are not in file order."""
    folder = tmp_path / "objects"
    (folder / "faces").mkdir(parents=True)
    names = ["hand.png", "faces/a.png", "faces/b.png", "car.png", "kiwi.png"]
    for name, picture in zip(names, pictures, strict=True):
        (folder / name).write_bytes(encode(picture))
    rows = [f"id_{i},{name},{'face' if 'faces' in name else 'object'},{i / 2}" for i, name in enumerate(names)]
    (folder / "stimuli.csv").write_text("stimulus_id,filename,category_name,size\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture
def zip_of(tmp_path: Path) -> Callable[..., Path]:
    """Pack a mapping of names to bytes into a zip."""

    def _zip_of(contents: dict[str, bytes], name: str = "stimuli.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in contents.items():
                archive.writestr(member, content)
        return path

    return _zip_of
