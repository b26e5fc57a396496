"""From predictions to answers: errors, intervals, tests, calibration, and what the paper and the protocol say.

In: the table of predictions. Out: the tables that pages show. Nothing here reads images.
"""
