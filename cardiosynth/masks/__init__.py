"""Mask synthesis: new hearts from the masks of one subject by signed distances, and the choice among them by EF.

In: masks (slices, 2, H, W) of a subject. Out: recipes as plain data, the masks of each made again bit for bit, and
a table of candidates of which some are chosen (paper, Methods, Eq. 1, Figs. 1c and 2).
"""
