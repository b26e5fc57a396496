"""From images to volumes: training SFERA, and reading scans with what was trained.

In: cohorts, painted or real, and a training by name. Out: volumes with their uncertainty, a model folder, and for one
scan whether it is like those that the networks know.
"""
