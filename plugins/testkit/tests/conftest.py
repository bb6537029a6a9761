"""Puts the doubles where `from hostile_doubles import Bare` finds them, here and in processes started from here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode puts no folder of tests there
