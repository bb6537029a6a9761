"""Runs in memory keep what every store keeps, as far as one process goes."""

from __future__ import annotations

from core_plus_journal.memory import MemoryStore
from core_plus_testkit import StoreKit


class TestMemoryStore(StoreKit):
    def make(self, place):
        return MemoryStore()
