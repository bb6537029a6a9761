"""Runs in a SQLite file keep what every store keeps."""

from __future__ import annotations

from core_plus_testkit import StoreKit


class TestSQLiteStore(StoreKit):
    factory = "core_plus_sqlite.store:SQLiteStore"
