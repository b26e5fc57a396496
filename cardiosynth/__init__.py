"""cardiosynth: does painting synthetic cardiac MRI make a network measure real hearts better?

A street of rooms: code in a room imports from rooms to its left and from its own, never to its right.
"""

from pathlib import Path

__version__ = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("study", "data", "masks", "networks", "painting", "measuring", "judging", "figures", "workflow")
