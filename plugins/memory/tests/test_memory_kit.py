"""All memories of this package keep what the kit asks."""

from core_plus.memory import ListMemory
from core_plus_memory import DropImages, PinnedFacts, SlidingWindow, Summary, TruncateObservations
from core_plus_testkit import MemoryKit

EDITED = {"test_a_prompt_stays_bounded_in_a_run_of_500_steps": "it leaves no step out"}
SEES_ALL = {"test_any_history_is_seen_soundly": "it shows a given history as it is"}


class TestWindowByTokens(MemoryKit):
    bound = 6_000

    def make(self):
        return SlidingWindow(tokens=1_500)


class TestWindowBySteps(MemoryKit):
    bound = 6_000

    def make(self):
        return SlidingWindow(tokens=None, steps=8)


class TestSummary(MemoryKit):
    bound = 6_000

    def make(self):
        return Summary(tokens=1_500)


class TestTruncateObservations(MemoryKit):
    def make(self):
        return TruncateObservations(most=100)


class TestDropImages(MemoryKit):
    def make(self):
        return DropImages()


class TestPinnedFacts(MemoryKit):
    def make(self):
        return PinnedFacts(facts=["Boats float."])


class TestAllTogether(MemoryKit):
    bound = 6_000

    def make(self):
        return (
            PinnedFacts(facts=["Boats float."]) | DropImages() | TruncateObservations(most=200) | Summary(tokens=1_500)
        )


class TestTheKernelsList(MemoryKit):
    deviations = SEES_ALL

    def make(self):
        return ListMemory()
