"""cardiosynth: does painting synthetic cardiac MRI make a network measure real hearts better?

The modules form a one-way street, each importing only from its left::

    errors, study, volumes, cohort -> datasets, phantom -> preprocessing, sources -> distances, masks, selection
        -> frames, segmentation, spade, adversary, painting, realism, fidelity, generator_training
        -> sfera, training, experiments -> predictions, measures, statistics, paper
        -> stages, figures -> notebooks, publish, runner
"""

__version__ = "0.1.0"
