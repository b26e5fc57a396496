"""Figures and tables: one function each, from a study's results to what a page shows.

Every figure function takes the ``Results`` that ``results.open_results`` gives, saves figures/<nn>-<name>.png
with its .csv under them, and returns a ``Picture`` that a notebook shows. Import from the modules: only
``architecture`` and ``contours`` need torch.

style, results: what all share. distributions (paper, Fig. 1), workflow (2), examples (3), agreement (4 and 5),
contours (6), architecture (7), tables (Table 1), comparisons (ablations and time).
"""
