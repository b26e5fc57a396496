"""cardiosynth: does painting synthetic cardiac MRI make a network measure real hearts better?

The modules form a one-way street, each importing only from its left::

    errors, study -> datasets, phantom -> cohort -> preprocessing -> masks -> spade, painting
        -> sfera, training, segmentation -> experiments -> statistics -> figures -> stages
"""

__version__ = "0.1.0"
