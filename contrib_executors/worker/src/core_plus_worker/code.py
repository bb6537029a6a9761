"""Code as it is made ready to run, and its output cut: for executors that run it in an interpreter of their own."""

from core_plus_worker.clip import Clip
from core_plus_worker.inside.rewrite import LAST, LATER, PASS_ON, keep_last, let_stops_pass, mark_awaited

__all__ = ["Clip", "LAST", "LATER", "PASS_ON", "keep_last", "let_stops_pass", "mark_awaited"]
