"""Make the virtual primate: the simulated recordings and the stimuli in ``neuroguide/_data``.

    nice -n 10 python data/make_virtual_primate.py

One command, no arguments, under 20 CPU minutes on one core. It renders training images, trains the hidden network,
lets simulated sites look at the stimuli through it, draws trials and writes the three files; the command
``python data/check_virtual_primate.py`` then describes them. The network is not kept. On another CPU type or torch
version the training rounds differently, so the files then differ in detail; the committed ones are the reference.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hidden_network import IMAGE_SIZE, HiddenNetwork, as_floats, train
from PIL import Image
from simulated_sites import DEGREES, Sites, simulate_sites
from simulated_trials import WINDOW, simulate_trials

from neuroguide._core.atomic import atomic_path, write_text
from neuroguide._core.seeds import derive_seed
from neuroguide.models.render import render_objects, sample_parameters

SEED, NETWORK_SEED = 2026, 0
N_IMAGES, N_EPOCHS = 32_000, 10
N_REPETITIONS = 12
STIMULUS_SIZE = 96
JPEG_QUALITY = 80

#: How many images of each object at each level of variation.
IMAGES_OF_EACH_OBJECT = {"low": 1, "medium": 2, "high": 2}

FOLDER = Path(__file__).resolve().parent.parent / "neuroguide" / "_data"
RESPONSES, IMAGES, MANIFEST = "virtual_responses.npz", "virtual_images.zip", "virtual.json"

_log = logging.getLogger("virtual_primate")


def stimulus_table() -> pd.DataFrame:
    """What the 320 stimuli show, one row each; rounded, so that the table on disk renders the very same images."""
    parts = []
    for variation, number in IMAGES_OF_EACH_OBJECT.items():
        part = sample_parameters(64 * number, derive_seed(SEED, "stimuli", variation), variation)
        order = part.groupby("object_name").cumcount() + 1
        names = [f"{name}_{variation}_{k}" for name, k in zip(part["object_name"], order, strict=True)]
        parts.append(part.assign(stimulus_id=names, filename=[f"{name}.jpg" for name in names]))
    table = pd.concat(parts, ignore_index=True)
    moved = ["position_x", "position_y", "size", "yaw", "pitch", "roll"]
    # adding zero turns -0.0 into 0.0
    table[moved] = table[moved].round(4) + 0.0
    table = table.sort_values(["category_name", "object_name", "stimulus_id"], ignore_index=True)
    first = ["stimulus_id", "filename"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def encoded_images(table: pd.DataFrame) -> list[bytes]:
    """The stimuli as JPEG."""
    encoded = []
    for image in render_objects(table, STIMULUS_SIZE, device="cpu"):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
        encoded.append(buffer.getvalue())
    return encoded


def write_images(table: pd.DataFrame, encoded: list[bytes]) -> None:
    """The stimuli in a zip, with their table; the same bytes whenever it is written."""
    with atomic_path(FOLDER / IMAGES) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _add(archive, "stimuli.csv", table.to_csv(index=False).encode(), zipfile.ZIP_DEFLATED)
        for name, content in zip(table["filename"], encoded, strict=True):
            _add(archive, name, content, zipfile.ZIP_STORED)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, compression: int) -> None:
    # a fixed date: the same content gives the same file
    member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    member.compress_type = compression
    archive.writestr(member, content)


def maps_of(network: HiddenNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Maps of every stage for uint8 images of shape (n, 64, 64, 3)."""
    with torch.no_grad():
        parts = [network.maps(as_floats(images[i : i + 64])) for i in range(0, len(images), 64)]
    return {stage: np.concatenate([part[stage].numpy() for part in parts]) for stage in parts[0]}


def write_responses(sites: Sites, counts: np.ndarray, stimulus_ids: list[str]) -> None:
    """Spike counts and where they come from, deflated, nothing pickled."""
    columns = {name: sites.table[name].to_numpy() for name in sites.table}
    columns = {
        name: values.astype(str) if values.dtype.kind not in "iu" else values.astype(np.int16)
        for name, values in columns.items()
    }
    arrays = {"counts": counts, "stimulus_id": np.asarray(stimulus_ids, dtype=str), **columns}
    with atomic_path(FOLDER / RESPONSES) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, values in arrays.items():
            encoded = io.BytesIO()
            np.lib.format.write_array(encoded, np.ascontiguousarray(values), allow_pickle=False)
            _add(archive, f"{name}.npy", encoded.getvalue(), zipfile.ZIP_DEFLATED)


def write_manifest(accuracies: dict[str, float]) -> None:
    """Checksums of the two files, and what every assembly made of them says of itself."""
    manifest = {
        "format": 1,
        "files": {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in (RESPONSES, IMAGES)},
        "degrees": DEGREES,
        "window_ms": [70, 70 + round(1000 * WINDOW)],
        "licence": "MIT",
        "source": "simulated by data/make_virtual_primate.py of neuroguide; no animal was recorded",
        "citation": "The virtual primate of neuroguide (simulated recordings). Cite neuroguide, see its CITATION.cff.",
        "network_accuracy": {name: round(value, 3) for name, value in accuracies.items()},
    }
    write_text(FOLDER / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def main() -> None:
    """Build everything, then write it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    table = stimulus_table()
    encoded = encoded_images(table)
    network, accuracies = train(HiddenNetwork, NETWORK_SEED, n_images=N_IMAGES, epochs=N_EPOCHS)
    for name, value in accuracies.items():
        _log.info("%s accuracy %.3f", name, value)
    references = [
        sample_parameters(256, derive_seed(SEED, "reference", level), level) for level in IMAGES_OF_EACH_OBJECT
    ]
    reference = render_objects(pd.concat(references, ignore_index=True), IMAGE_SIZE, device="cpu")
    # the network sees what a user's network sees: the decoded JPEGs
    shown = maps_of(network, np.stack([decoded(content) for content in encoded]))
    sites = simulate_sites(shown, maps_of(network, reference), derive_seed(SEED, "sites"))
    counts = simulate_trials(sites, N_REPETITIONS, derive_seed(SEED, "trials"))
    write_images(table, encoded)
    write_responses(sites, counts, table["stimulus_id"].tolist())
    write_manifest(accuracies)


def decoded(jpeg: bytes) -> np.ndarray:
    """A stimulus at the size that the network sees, uint8 (64, 64, 3)."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    return np.asarray(image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BOX))


if __name__ == "__main__":
    main()
