"""Readers of public layouts: one module a layout, each with ``find`` and ``read``, yielding Subjects."""
