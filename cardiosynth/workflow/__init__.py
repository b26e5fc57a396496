"""Running it all: the stages, the notebooks, the book.

In: a study file. Out: a folder of results and a book. Each of ``stages`` reads folders that others made and fills one.
"""
