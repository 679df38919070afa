"""A trained network as a folder of its own: weights, readable source that needs torch only, ONNX."""

from neuroguide.nas.export.exporting import Export, export

__all__ = ["Export", "export"]
