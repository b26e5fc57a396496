"""What several pages share: one style, tables as pages show them, and a figure kept with the data behind it.

In: the ``Results`` that ``results.open_results`` gives. Out: figures/<nn>-<name>.png with its .csv, ready to show. The
lines that draw a figure stand in its notebook.
"""
