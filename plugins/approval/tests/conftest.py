"""Puts the doubles where `from approval_doubles import Counting` finds them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode puts no folder of tests there
