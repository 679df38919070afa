"""Files and archives -> assemblies: opening, checking, averaging, normalising, selecting, reliability."""

from neuroguide.recordings._description import ArrayInfo, Description
from neuroguide.recordings._loader import ArchiveLoader, FileLoader, loaders
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.gaps import Gaps, find_gaps
from neuroguide.recordings.netcdf import read_netcdf, write_netcdf
from neuroguide.recordings.normalising import normalise_sites
from neuroguide.recordings.rdms import check_rdm, read_rdm, write_rdm
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.selecting import align, complete, select
from neuroguide.recordings.timing import average_time, rebin, select_time

__all__ = [
    "ArchiveLoader",
    "ArrayInfo",
    "Description",
    "FileLoader",
    "Gaps",
    "align",
    "average_repetitions",
    "average_time",
    "check_assembly",
    "check_rdm",
    "complete",
    "find_gaps",
    "loaders",
    "normalise_sites",
    "read_netcdf",
    "read_rdm",
    "rebin",
    "select",
    "select_time",
    "split_half_reliability",
    "write_netcdf",
    "write_rdm",
]
