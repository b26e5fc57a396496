"""Networks with published weights: the user supplies the file, its checksum is compared, nothing is downloaded.

Publishers of torch weights put the first eight hexadecimal digits of the SHA-256 in the name of the file
(vgg19-dcbb9e9d.pth); a file that does not begin with them is not opened. VGG-19: Simonyan and Zisserman, Very Deep
Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, configuration E; the perceptual loss on five of its
maps: Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, CVPR 2018, section 3.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from cardiosynth.study.errors import InputError
from cardiosynth.study.files import sha256

VGG19_PREFIX = "dcbb9e9d"
VGG19_TITLE = "VGG-19 of torchvision"
# of the convs up to conv5_1, one group for each side; between groups the side is halved
VGG19_WIDTHS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,))
VGG19_MAPS = (1, 6, 11, 20, 29)  # relu1_1 ... relu5_1 among the published ``features``
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of red, green, blue in [0, 1]


def read_weights(path, prefix: str, title: str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, from a file whose SHA-256 begins with ``prefix``.

    title: of the network, for the messages. Raises InputError for a file that is missing, has another checksum (such a
    file is not opened), or holds anything but named tensors; objects in it are refused and never run.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; download the weights of {title} (SHA-256 {prefix}...) and give their path")
    found = sha256(path)[: len(prefix)]
    if found != prefix:
        raise InputError(f"{path}: its SHA-256 begins with {found}, expected {prefix} for {title}; download the file again")
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a foreign file raises has no common class, and torch's advice is to load it unsafely
        raise InputError(f"{path}: not readable as tensors alone; expected the weights of {title}; download them again") from error
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise InputError(f"{path}: holds more than named tensors; expected the weights of {title}; download them again")
    return dict(tensors)


def load_frozen(make: Callable[[], nn.Module], path, prefix: str, title: str, device="cpu") -> nn.Module:
    """The network that ``make`` makes, with the weights of a file: evaluating, frozen, channels last, on the device.

    Tensors of the file that the network lacks are left out. Raises InputError as ``read_weights`` does, and for a
    tensor that is missing or has another shape.
    """
    tensors = read_weights(path, prefix, title)
    with torch.device("meta"):  # weights that are replaced at once take no time and no random numbers of a training
        network = make()
    network = network.to_empty(device="cpu")
    # the number of batches seen means nothing outside training, and older files lack it
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    for name, tensor in wanted.items():
        if name not in tensors:
            raise InputError(f"{path}: has no tensor {name}, which {title} needs; download the file again")
        if tensors[name].shape != tensor.shape:
            shapes = f"{tuple(tensors[name].shape)}, expected {tuple(tensor.shape)}"
            raise InputError(f"{path}: tensor {name} has shape {shapes} for {title}; download the file again")
    network.load_state_dict({name: tensors[name] for name in wanted}, strict=False)
    return network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)


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
        found = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in VGG19_MAPS:
                found.append(x)
        return found


def vgg19_features(path, device="cpu") -> Callable[[Tensor], list[Tensor]]:
    """The frozen VGG-19 for a perceptual loss: images (N, 1, H, W) in [-1, 1], on the device, to five feature maps.

    path: vgg19-dcbb9e9d.pth. Gradients flow to the images, not to the network. Raises InputError as ``load_frozen`` does.
    """
    return load_frozen(Vgg19, path, VGG19_PREFIX, VGG19_TITLE, device)
