"""The stages of a study: each reads folders that others made, fills one of its own, and can be run alone.

One module for each group of libraries, so that a stage loads only what it needs.
"""
