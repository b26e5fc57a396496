"""VGG-19 with torchvision's weights: the user supplies the file, its checksum is compared, nothing is downloaded.

The name of the file (vgg19-dcbb9e9d.pth) ends with the first eight hexadecimal digits of its SHA-256. The network:
Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, configuration E; the
perceptual loss on five of its maps: Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional
GANs, CVPR 2018, section 3.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from cardiosynth.study.errors import InputError
from cardiosynth.study.files import sha256

VGG19_PREFIX = "dcbb9e9d"
# of the convs up to conv5_1, one group for each side; between groups the side is halved
VGG19_WIDTHS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,))
VGG19_MAPS = (1, 6, 11, 20, 29)  # relu1_1 ... relu5_1 among the published ``features``
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of red, green, blue in [0, 1]


class Vgg19(nn.Module):
    """VGG-19 up to relu5_1, with the published names of its tensors.

    forward: grey images (N, 1, H, W) in [-1, 1], sides of at least 16 pixels, to relu1_1, relu2_1, relu3_1, relu4_1
    and relu5_1: 64, 128, 256, 512 and 512 channels with 1, 1/2, 1/4, 1/8 and 1/16 of the side. Grey goes to all three
    colours, normalised as in the training of the weights; GauGAN as published feeds its images in [-1, 1] as they are.
    """

    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for group in VGG19_WIDTHS:
            for width in group:
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])

    def forward(self, images: Tensor) -> list[Tensor]:
        mean, sd = (images.new_tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
        x = ((images.expand(-1, 3, -1, -1) + 1) / 2 - mean) / sd
        maps = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in VGG19_MAPS:
                maps.append(x)
        return maps


def vgg19_features(path, device="cpu") -> Vgg19:
    """The frozen VGG-19 for a perceptual loss: images (N, 1, H, W) in [-1, 1], on the device, to five feature maps.

    path: vgg19-dcbb9e9d.pth. Gradients flow to the images, not to the network. Raises InputError for a file that is missing
    or has another checksum; such a file is not opened. Objects in a file are refused and never run.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; download torchvision's weights of VGG-19 (SHA-256 {VGG19_PREFIX}...) and give their path")
    prefix = sha256(path)[: len(VGG19_PREFIX)]
    if prefix != VGG19_PREFIX:
        raise InputError(f"{path}: its SHA-256 begins with {prefix}, expected {VGG19_PREFIX} for VGG-19; download the file again")
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    with torch.device("meta"):  # weights that are replaced at once take no time and no random numbers of a training
        network = Vgg19()
    network.load_state_dict({name: tensors[name] for name in network.state_dict()}, assign=True)  # the file has a classifier too
    return network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
