"""Hearts: read from public layouts or drawn by formulas, brought to one grid, kept as cohorts.

In: folders of scans (``readers``), or a seed (``phantom``); what is not annotated is found (``finders``). Out: a
``Subject`` checked when it is made, a ``Cohort`` on disk with its quality report, and the way back (``writers``).
"""
