"""Killed after any record, a run goes on as if nothing had been: no effect twice, none lost."""

from __future__ import annotations

import functools
import random

import pytest
from journal_doubles import Desk, Told, World, cut, lines_of, records_of
from journal_rich import Noting, agent, cuts, drive, house, seen_in, whole

from core_plus_journal import replay
from core_plus_journal.journal import Journal

PARTS = 6
"""The cuts are dealt out, so that several processes test them."""


@pytest.fixture(scope="module")
def home():
    with house() as made:
        yield made


@pytest.fixture(scope="module")
def story(home):
    """The run without a cut, by face."""
    return functools.cache(lambda face: whole(home, face))


@pytest.mark.parametrize("face", ["run", "arun"])
def test_the_run_itself_does_everything_once(story, face):
    result, store = story(face)
    assert (result.state, result.error) == ("success", None)
    assert result.output == ["paid 1", "All done.", "they said red", "seat 3paid 4"]
    expected = ["pay 1", "note seen", "book 1", "pay 6", "send a", "send z", "book 3", "pay 4"]
    assert sorted(store.world.deeds) == sorted(expected)
    assert len(records_of(store, "rich")) > 50


def live_on(home, result, store, life, kept, back):
    """Go on with a run that was cut, in a world as it was, and hold the end against the run without a cut."""
    world = life.world()
    made = agent(world, home)
    go_on = getattr(made, back)
    again = drive(back, go_on("rich", journal=Journal(kept), ui=Desk("red"), unknown=seen_in(world)))
    assert (again.state, again.error) == ("success", None)
    assert again.output == result.output
    assert world.twice == []
    assert sorted(world.deeds) == sorted(store.world.deeds)
    assert again.messages == result.messages
    assert again.usage == result.usage
    return made


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("face", "back"), [("run", "resume"), ("arun", "aresume")])
def test_a_run_that_was_cut_anywhere_ends_the_same(story, home, face, back, part):
    result, store = story(face)
    lines = lines_of(store, "rich")
    for number, life in cuts(store)[part::PARTS]:
        live_on(home, result, store, life, cut(lines[:number], "rich"), back)


@pytest.mark.parametrize(("face", "back"), [("run", "aresume"), ("arun", "resume")])
def test_a_run_that_was_begun_one_way_goes_on_the_other(story, home, face, back):
    result, store = story(face)
    lines = lines_of(store, "rich")
    for number, life in cuts(store)[::7]:
        live_on(home, result, store, life, cut(lines[:number], "rich"), back)


@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_cut_again_and_again_ends_the_same(story, home, seed):
    dice = random.Random(seed)
    for _ in range(6):
        result, store = story("run")
        lines, places = lines_of(store, "rich"), cuts(store)
        while places:
            number, life = dice.choice(places)
            world, kept = life.world(), cut(lines[:number], "rich", Noting(None))
            kept.world, kept.writes = world, [(number, life)]
            made = agent(world, home)
            again = made.resume("rich", journal=Journal(kept), ui=Desk("red"), unknown=seen_in(world))
            assert (again.state, again.output, world.twice) == ("success", result.output, [])
            assert sorted(world.deeds) == sorted(store.world.deeds)
            lines = lines_of(kept, "rich")
            places = [place for place in cuts(kept) if place[0] > number] if dice.random() < 0.7 else []


def test_what_was_resumed_is_repeated_whole_and_offline(story, home):
    result, store = story("run")
    lines = lines_of(store, "rich")
    for number, life in cuts(store)[::9]:
        kept = cut(lines[:number], "rich")
        live_on(home, result, store, life, kept, "resume")
        nobody = World()
        repeated = replay(agent(nobody, home, model=Told()), "rich", journal=Journal(kept)).finish()
        assert (repeated.output, repeated.usage, nobody.deeds) == (result.output, result.usage, [])
