"""What a study is: its keys and experiments, and how anything is kept, resumed, refused and signed.

In: a study file. Out: a checked ``Study``, its trainings by name, files written whole or not at all, a manifest for
each stage. Nothing here knows of images.
"""
