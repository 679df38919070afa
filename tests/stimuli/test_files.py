from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.stimuli import open_stimuli

IDS = ["id_0", "id_1", "id_2", "id_3", "id_4"]


def test_a_folder_with_a_table(image_folder, pictures):
    stimuli = open_stimuli(image_folder)
    assert stimuli.ids == IDS
    assert stimuli.identifier == "objects"
    assert stimuli.degrees is None
    assert list(stimuli.metadata.columns) == ["stimulus_id", "filename", "category_name", "size"]
    assert list(stimuli.metadata["size"]) == [0.0, 0.5, 1.0, 1.5, 2.0]
    np.testing.assert_array_equal(stimuli.images()[:], pictures)
    named = open_stimuli(str(image_folder), degrees=8, identifier="mine", table="stimuli.csv")
    assert (named.degrees, named.identifier) == (8.0, "mine")


def test_a_folder_without_a_table(image_folder, pictures):
    (image_folder / "stimuli.csv").unlink()
    (image_folder / "notes.txt").write_text("no image")
    (image_folder / ".hidden.png").write_bytes(b"no image")
    stimuli = open_stimuli(image_folder)
    assert stimuli.ids == ["car", "faces/a", "faces/b", "hand", "kiwi"]
    np.testing.assert_array_equal(stimuli.images()[:], pictures[[3, 1, 2, 0, 4]])


def test_a_table_beside_a_folder_or_a_zip(image_folder, pictures, zip_of):
    table = image_folder / "stimuli.csv"
    np.testing.assert_array_equal(open_stimuli(table).images()[:], pictures)
    elsewhere = image_folder.parent / "table.csv"
    elsewhere.write_bytes(table.read_bytes())
    np.testing.assert_array_equal(open_stimuli(elsewhere, images=image_folder).images()[:], pictures)
    files = {p.relative_to(image_folder).as_posix(): p.read_bytes() for p in image_folder.rglob("*.png")}
    stimuli = open_stimuli(elsewhere, images=str(zip_of(files)))
    assert stimuli.ids == IDS
    np.testing.assert_array_equal(stimuli.images()[:], pictures)


@pytest.mark.parametrize("prefix", ["", "stimulus set/"])
def test_a_zip_with_a_table(image_folder, pictures, zip_of, prefix):
    files = {prefix + p.relative_to(image_folder).as_posix(): p.read_bytes() for p in image_folder.rglob("*.*")}
    stimuli = open_stimuli(zip_of({**files, "__MACOSX/._stimuli.csv": b"x", "folder/": b""}))
    assert stimuli.ids == IDS
    np.testing.assert_array_equal(stimuli.images()[:], pictures)
    np.testing.assert_array_equal(stimuli.select(["id_3"]).images()[0], pictures[3])


def test_a_zip_without_a_table(image_folder, pictures, zip_of):
    files = {p.relative_to(image_folder).as_posix(): p.read_bytes() for p in image_folder.rglob("*.png")}
    stimuli = open_stimuli(zip_of(files, name="pack.zip"))
    assert stimuli.identifier == "pack"
    assert stimuli.ids == ["car", "faces/a", "faces/b", "hand", "kiwi"]
    np.testing.assert_array_equal(stimuli.images()[:], pictures[[3, 1, 2, 0, 4]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_reads_a_zip_of_its_own(image_folder, pictures, zip_of):
    files = {p.relative_to(image_folder).as_posix(): p.read_bytes() for p in image_folder.rglob("*.png")}
    images = open_stimuli(zip_of(files)).images()
    np.testing.assert_array_equal(images[0], pictures[3])
    parent_file = images._pixels._open[1].fp
    position = parent_file.tell()
    child = os.fork()
    if child == 0:
        os._exit(0 if (images[1] == pictures[1]).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert parent_file.tell() == position


def test_arrays_and_numpy_files(pictures, tmp_path):
    np.testing.assert_array_equal(open_stimuli(pictures, ids=list("abcde")).images()[:], pictures)
    np.save(tmp_path / "set.npy", pictures)
    stimuli = open_stimuli(tmp_path / "set.npy", degrees=4)
    assert (stimuli.identifier, stimuli.degrees, stimuli.ids[-1]) == ("set", 4.0, "4")
    np.testing.assert_array_equal(stimuli.images()[1:3], pictures[1:3])


class Payload:
    """Its unpickling would leave a mark."""

    def __init__(self, mark) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


def test_a_pickled_array_is_refused_and_runs_nothing(tmp_path):
    import pickle

    path = tmp_path / "set.npy"
    np.save(path, np.array([Payload(tmp_path / "ran")], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match=r"set\.npy cannot be read as a numpy array"):
        open_stimuli(path)
    path.write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    with pytest.raises(FileError, match=r"set\.npy cannot be read as a numpy array"):
        open_stimuli(path)
    assert not (tmp_path / "ran").exists()


def test_numpy_files_that_are_no_images_are_refused(tmp_path, pictures):
    path = tmp_path / "set.npy"
    np.save(path, pictures / 255)
    with pytest.raises(InputError, match="must be uint8"):
        open_stimuli(path)
    np.save(path, pictures)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FileError, match="cannot be read"):
        open_stimuli(path)
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (-99, 8, 8, 3), }".ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(99))
    with pytest.raises(FileError, match="cannot be read"):
        open_stimuli(path)
    np.savez(tmp_path / "set.npz", pictures)
    (tmp_path / "set.npz").rename(path)
    with pytest.raises(FileError, match="cannot be read"):
        open_stimuli(path)


def test_missing_images_are_named(image_folder, zip_of):
    (image_folder / "car.png").unlink()
    (image_folder / "faces/b.png").unlink()
    with pytest.raises(FileError, match=r"objects lacks 2 of 5 images: faces/b\.png, car\.png$"):
        open_stimuli(image_folder)
    files = {p.relative_to(image_folder).as_posix(): p.read_bytes() for p in image_folder.rglob("*.*")}
    with pytest.raises(FileError, match=r"stimuli\.zip lacks 2 of 5 images: faces/b\.png, car\.png$"):
        open_stimuli(zip_of(files))


def test_a_corrupt_image_is_named_when_it_is_read(image_folder, pictures):
    (image_folder / "car.png").write_bytes((image_folder / "car.png").read_bytes()[:60])
    stimuli = open_stimuli(image_folder)
    np.testing.assert_array_equal(stimuli.images()[4], pictures[4])
    with pytest.raises(FileError, match=r"car\.png is damaged"):
        stimuli.images()[3]
    with pytest.raises(FileError, match=r"car\.png is damaged"):
        stimuli.images()[:]


def test_a_corrupt_image_in_a_zip_is_named(image_folder, zip_of):
    files = {p.relative_to(image_folder).as_posix(): p.read_bytes() for p in image_folder.rglob("*.*")}
    files["car.png"] = files["car.png"][:60]
    with pytest.raises(FileError, match=r"car\.png in .*stimuli\.zip is damaged"):
        open_stimuli(zip_of(files)).images()[:]


def test_duplicate_ids_are_named(image_folder):
    table = image_folder / "stimuli.csv"
    table.write_text(table.read_text().replace("id_4", "id_2"))
    with pytest.raises(InputError, match=r"same stimulus_id twice: id_2$"):
        open_stimuli(image_folder)


def test_several_tables_need_a_choice(image_folder, zip_of):
    (image_folder / "other.csv").write_text("stimulus_id,filename\nhand,hand.png\n")
    with pytest.raises(FileError, match=r"holds 2 tables \(other\.csv, stimuli\.csv\); choose one: table=\.\.\."):
        open_stimuli(image_folder)
    assert open_stimuli(image_folder, table="other.csv").ids == ["hand"]
    files = {p.relative_to(image_folder).as_posix(): p.read_bytes() for p in image_folder.rglob("*.*")}
    with pytest.raises(FileError, match="holds 2 tables"):
        open_stimuli(zip_of(files))
    assert open_stimuli(zip_of(files), table="other.csv").ids == ["hand"]


def test_paths_in_a_table_may_not_climb(image_folder, tmp_path):
    (tmp_path / "secret.png").write_bytes((image_folder / "car.png").read_bytes())
    for path in ("../secret.png", str(tmp_path / "secret.png"), "..\\secret.png"):
        (image_folder / "stimuli.csv").write_text(f"stimulus_id,filename\na,{path}\n")
        with pytest.raises(FileError, match=r"row 1 of .*stimuli\.csv holds the unsafe path"):
            open_stimuli(image_folder)
    with pytest.raises(FileError, match="the option table holds the unsafe path"):
        open_stimuli(image_folder, table="../x.csv")


def test_degrees_come_from_the_table_if_all_rows_agree(image_folder):
    table = image_folder / "stimuli.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0] + ",degrees", *(line + ",8" for line in lines[1:])]))
    assert open_stimuli(image_folder).degrees == 8.0
    assert open_stimuli(image_folder, degrees=4).degrees == 4.0
    table.write_text("\n".join([lines[0] + ",degrees", *(f"{line},{i}" for i, line in enumerate(lines[1:]))]))
    assert open_stimuli(image_folder).degrees is None
    table.write_text("\n".join([lines[0] + ",degrees", *(line + ",wide" for line in lines[1:])]))
    assert open_stimuli(image_folder).degrees is None


def test_what_is_no_stimulus_set_is_refused(tmp_path, image_folder):
    (tmp_path / "notes.txt").write_text("no images")
    with pytest.raises(FileError, match=r"notes\.txt is no stimulus set"):
        open_stimuli(tmp_path / "notes.txt")
    with pytest.raises(FileError, match=r"nothing\.zip does not exist"):
        open_stimuli(tmp_path / "nothing.zip")
    with pytest.raises(FileError, match="does not exist"):
        open_stimuli("some/folder")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="empty holds no images"):
        open_stimuli(tmp_path / "empty")
    with pytest.raises(FileError, match=r"gone\.csv cannot be read"):
        open_stimuli(image_folder, table="gone.csv")
    with pytest.raises(FileError, match="gone does not exist"):
        open_stimuli(image_folder / "stimuli.csv", images=tmp_path / "gone")


def test_options_must_fit(image_folder):
    with pytest.raises(OptionError, match="unknown option of open_stimuli 'degree'; did you mean 'degrees'"):
        open_stimuli(image_folder, degree=8)
    with pytest.raises(InputError, match="images= goes with a CSV table"):
        open_stimuli(image_folder, images=image_folder)
    with pytest.raises(InputError, match="table= names a table inside"):
        open_stimuli(image_folder / "stimuli.csv", table="stimuli.csv")


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights on Windows")
def test_a_link_to_an_image_in_ones_own_folder_is_followed(image_folder, pictures):
    (image_folder / "car.png").rename(image_folder.parent / "car.png")
    (image_folder / "car.png").symlink_to(image_folder.parent / "car.png")
    np.testing.assert_array_equal(open_stimuli(image_folder).images()[3], pictures[3])
