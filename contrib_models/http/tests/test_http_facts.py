"""What is known of models, and what tokens cost by it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus.errors import ConfigurationError
from core_plus.messages import Usage
from core_plus_http import facts
from core_plus_http.facts import Facts, facts_of

ROW = """
["mine:llama"]
context = 8_192
input = 0.10
output = 0.3
source = "https://example.com/prices"
date = 2026-01-31
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    def write(text):
        path = tmp_path / "facts.toml"
        path.write_text(text, "utf-8")
        monkeypatch.setenv("CORE_PLUS_FACTS", str(path))

    return write


def some_facts(**more):
    return Facts(
        source="https://example.com", date="2026-01-01", **{name: _prices(value) for name, value in more.items()}
    )


def _prices(value):
    return Decimal(value) if isinstance(value, str) else value


def test_a_well_known_model_has_facts_with_a_source_and_a_date():
    found = facts_of("openai:gpt-5-mini")
    assert (found.context, found.max_output, found.input, found.cached) == (
        400_000,
        128_000,
        Decimal("0.25"),
        Decimal("0.025"),
    )
    assert found.source.startswith("https://")
    assert found.date.year >= 2025


def test_a_model_that_nobody_described_has_none():
    assert facts_of("openai:no-such-model") is None
    assert facts_of("llama") is None


@pytest.mark.parametrize(
    ("ref", "same"),
    [
        ("openai:gpt-5-mini-2025-08-07", "openai:gpt-5-mini"),
        ("anthropic:claude-haiku-4-5-20251001", "anthropic:claude-haiku-4-5"),
        ("openai-responses:gpt-5", "openai:gpt-5"),
        ("cache:openai:gpt-5", "openai:gpt-5"),
    ],
)
def test_other_names_of_a_model_lead_to_it(ref, same):
    assert facts_of(ref) == facts_of(same) is not None


def test_every_row_that_is_shipped_is_whole():
    for ref, row in facts._shipped().items():
        assert ref.partition(":")[0] in ("anthropic", "google", "openai")
        assert row.source.startswith("https://")
        prices = [row.input, row.output, row.cached, row.cache_write, row.cache_write_1h]
        assert all(price is None or 0 < price < 1000 for price in prices)
        assert row.cached is None or row.cached < row.input
        assert row.long is None or row.long.input > row.input


def test_a_cost_is_that_of_its_parts():
    found = some_facts(input="1", output="5", cached="0.1", cache_write="1.25", cache_write_1h="2")
    usage = Usage(1000, 500, 200, 100, 450, 1, 0, {"cache_write_1h_tokens": 40})
    assert found.cost(usage) == Decimal(700) / 10**6 + Decimal(20) / 10**6 + (75 + 80 + 2500) * Decimal("1e-6")


def test_reasoning_is_part_of_the_output_and_isnt_paid_twice():
    found = some_facts(input="1", output="5")
    assert found.cost(Usage(10, 100, reasoning_tokens=90)) == found.cost(Usage(10, 100))


@pytest.mark.parametrize(
    "usage", [Usage(10, 10, cached_tokens=1), Usage(10, 10, cache_write_tokens=1), Usage(10, 10, unknown_calls=1)]
)
def test_what_isnt_known_has_no_cost(usage):
    assert some_facts(input="1", output="5").cost(usage) is None


def test_no_tokens_cost_nothing_at_any_price():
    assert some_facts().cost(Usage(details={"cache_hits": 1})) == 0
    assert some_facts().cost(Usage(1)) is None


def test_a_long_call_costs_what_long_calls_cost():
    found = facts_of("google:gemini-2.5-pro")
    assert found.cost(Usage(200_000, 0, calls=1)) == Decimal("0.25")
    assert found.cost(Usage(200_001, 0, calls=1)) == Decimal("0.5000025")


def test_of_several_calls_nobody_knows_which_were_long():
    found = facts_of("google:gemini-2.5-pro")
    assert found.cost(Usage(200_001, 0, calls=2)) is None
    assert found.cost(Usage(200_000, 0, calls=2)) == Decimal("0.25")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1))
def test_several_calls_cost_what_they_cost_together(counts):
    found = some_facts(input="0.3", output="2.5")
    usages = [Usage(read, written, calls=1) for read, written in counts]
    assert sum(map(found.cost, usages)) == found.cost(sum(usages[1:], usages[0]))


def test_a_file_of_ones_own_adds_and_replaces_rows(own):
    own(ROW + ROW.replace("mine:llama", "openai:gpt-5-mini"))
    assert facts_of("mine:llama").cost(Usage(1_000_000, 1_000_000)) == Decimal("0.4")
    assert facts_of("openai:gpt-5-mini").context == 8192
    assert facts_of("openai:gpt-5-mini").cached is None
    assert facts_of("openai:gpt-5") is not None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("[[", "is no TOML"), (ROW + "price = 1\n", "a model may have"), (ROW.replace("date = 2026-01-31", ""), "date")],
)
def test_a_file_that_says_what_there_isnt_is_an_error_that_names_it(own, text, complaint):
    own(text)
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        facts_of("mine:llama")
    assert "facts.toml" in str(caught.value)


def test_a_file_that_isnt_there_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("CORE_PLUS_FACTS", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigurationError, match="CORE_PLUS_FACTS names"):
        facts_of("openai:gpt-5")
