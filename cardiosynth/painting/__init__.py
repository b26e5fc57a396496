"""From masks to images: the trained generator or the formulas of the phantom, and what judges the images.

In: masks and a cohort to learn from. Out: painted cohorts, with the noise and styles of real scans; their labels,
realism and consistency in numbers.
"""
