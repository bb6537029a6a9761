"""What is known of models: how much they read and write, and what that costs. Data with a source and a date.

A price that nobody has written down is None, and so is every cost that needs it: nothing is guessed. A file that
CORE_PLUS_FACTS names adds rows, and replaces those of the same name.
"""

from __future__ import annotations

import datetime
import functools
import os
import re
import tomllib
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from core_plus.errors import ConfigurationError
from core_plus.messages import Usage

VARIABLE: Final = "CORE_PLUS_FACTS"
MILLION: Final = Decimal(1_000_000)
SNAPSHOT: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")
"""A dated version of a model, which is known by the name without the date."""
SAME: Final = {"openai-responses": "openai"}
"""Providers that are another's under another name."""


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """USD for a million tokens; None is unknown.

    Args:
        input: Read, and neither from a cache nor into one.
        output: Written, reasoning included.
        cached: Read from the provider's cache.
        cache_write: Written to it.
        cache_write_1h: The same, to be kept for an hour, where that costs more (Anthropic).
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None


class LongPrices(Prices, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all tokens of a call cost whose input is longer than usual.

    Args:
        above: Input tokens up to which the usual prices hold.
    """

    above: int


class Facts(Prices, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of a model.

    Args:
        context: Tokens that it can hold, None if unknown.
        max_output: Tokens that it can write in one reply, None if unknown.
        long: Prices of long calls, None where there are no others.
        source: Where that is written.
        date: When it was.
    """

    source: str
    date: datetime.date
    context: int | None = None
    max_output: int | None = None
    long: LongPrices | None = None

    def cost(self, usage: Usage) -> Decimal | None:
        """What tokens cost in USD by the list; None where a count or a price isn't known.

        What is billed beside tokens (searches, storage) isn't in it, nor discounts and taxes.

        Args:
            usage: Of one call or of several. Where long calls cost more, several together that may have been long
                have no known cost: add up their costs instead.
        """
        if usage.unknown_calls:
            return None
        prices: Prices = self
        if self.long is not None and usage.input_tokens > self.long.above:
            if usage.calls > 1:
                return None
            prices = self.long
        for_an_hour = usage.details.get("cache_write_1h_tokens", 0)
        parts = (
            (usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens, prices.input),
            (usage.cached_tokens, prices.cached),
            (usage.cache_write_tokens - for_an_hour, prices.cache_write),
            (for_an_hour, prices.cache_write_1h),
            (usage.output_tokens, prices.output),
        )
        sums = [Decimal(0) if not count else None if price is None else count * price for count, price in parts]
        known = [each for each in sums if each is not None]
        return sum(known, Decimal(0)) / MILLION if len(known) == len(sums) else None


def facts_of(ref: str) -> Facts | None:
    """What is known of a model; None if nothing is.

    Args:
        ref: "provider:id", as `str(model)` gives it; a dated version ("gpt-5-mini-2025-08-07") that has no row of its
            own goes by its name without the date.

    Raises:
        ConfigurationError: The file that CORE_PLUS_FACTS names can't be read, or says what there isn't.
    """
    provider, _, name = ref.removeprefix("cache:").partition(":")
    ref = f"{SAME.get(provider, provider)}:{name}"
    rows = {**_shipped(), **_own(os.environ.get(VARIABLE, ""))}
    return rows.get(ref) or rows.get(SNAPSHOT.sub("", ref))


@functools.cache
def _shipped() -> dict[str, Facts]:
    return _read(resources.files("core_plus_http").joinpath("facts.toml").read_text("utf-8"), "facts.toml")


@functools.cache
def _own(path: str) -> dict[str, Facts]:
    if not path:
        return {}
    try:
        return _read(Path(path).read_text("utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{VARIABLE} names {path}, which can't be read: {error}") from error


def _read(text: str, where: str) -> dict[str, Facts]:
    try:
        return msgspec.convert(tomllib.loads(text, parse_float=Decimal), dict[str, Facts])
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{where} is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        fields = ", ".join(Facts.__struct_fields__)
        raise ConfigurationError(f"{where}: {error}; a model may have {fields}") from error
