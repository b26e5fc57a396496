"""The networks, each to be read in one sitting beside the paper, and how their weights are kept.

In: settings and tensors. Out: SFERA (volumes), SPADE and its adversary (images), the U-Net (labels), and
VGG-19 with its published weights for a loss. Training SFERA and the generator stands in ``measuring`` and ``painting``.
"""
