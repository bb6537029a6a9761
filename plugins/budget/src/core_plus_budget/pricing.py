"""What models cost: the caller's table first, then the facts that core-plus-http keeps."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from core_plus.errors import ConfigurationError
from core_plus.messages import Usage

if TYPE_CHECKING:
    from core_plus_http.facts import Facts

MILLION = Decimal(1_000_000)
FALLBACK = "fallback:"
UNDATED = datetime.date.min
"""The date of a row that gives none."""


class Prices:
    """Knows what models cost.

    Args:
        table: Prices by the model's name ("openai:gpt-5-mini", "ollama:*"), which go before those of core-plus-http:
            a dict with the fields of its `Facts` (`input`, `output`, `cached`, `cache_write`, `max_output`, …; US
            dollars for a million tokens), or `Facts`. Or a function from a name to `Facts` or None, which alone is
            asked.

    Raises:
        ConfigurationError: A row says what there isn't.
    """

    def __init__(self, table: Mapping[str, Any] | Callable[[str], Facts | None] = {}) -> None:  # noqa: B006
        self._function = table if callable(table) else None
        self._table = {} if callable(table) else {name: _facts(name, row) for name, row in table.items()}

    def of(self, ref: str) -> tuple[Facts, ...]:
        """What is known of a model; of a chain, of each model in it; () where anything of that is missing.

        Args:
            ref: As `str(model)` gives it.
        """
        names = ref.removeprefix(FALLBACK).split(",") if ref.startswith(FALLBACK) else [ref]
        found = [self._one(name.strip()) for name in names]
        return tuple(facts for facts in found if facts is not None) if None not in found else ()

    def _one(self, ref: str) -> Facts | None:
        if self._function is not None:
            return self._function(ref)
        if ref in self._table:
            return self._table[ref]
        fitting = [name for name in self._table if fnmatchcase(ref, name)]
        if fitting:
            return self._table[max(fitting, key=len)]
        from core_plus_http.facts import facts_of

        return facts_of(ref)


def _facts(name: str, row: Any) -> Facts:
    from core_plus_http.facts import Facts

    if isinstance(row, Facts):
        return row
    try:
        # A number of a configuration is what stands there, not the nearest binary fraction.
        exact = {key: str(value) if isinstance(value, float) else value for key, value in dict(row).items()}
        told = {"source": "the settings of core-plus-budget", "date": UNDATED, **exact}
        return msgspec.convert(told, Facts, strict=False)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        fields = ", ".join(Facts.__struct_fields__)
        raise ConfigurationError(f"budget: prices of {name!r}: {error}; a model may have {fields}") from error


def highest(facts: tuple[Facts, ...], tokens: int) -> tuple[Decimal, Decimal] | None:
    """The most that a token read, and one written, may cost in US dollars; None where that isn't known.

    Args:
        facts: Of the models that may answer.
        tokens: How many are read at most.
    """
    reads, writes = list[Decimal](), list[Decimal]()
    for one in facts:
        for prices in (one, one.long) if one.long is not None and tokens > one.long.above else (one,):
            if prices.input is None or prices.output is None:
                return None
            others = (prices.cached, prices.cache_write, prices.cache_write_1h)
            reads.append(max([prices.input, *(price for price in others if price is not None)]))
            writes.append(prices.output)
    return (max(reads) / MILLION, max(writes) / MILLION) if reads else None


def cost(facts: tuple[Facts, ...], usage: Usage) -> Decimal | None:
    """What tokens cost in US dollars: by the dearest of the models that may have answered; None if one isn't known.

    Args:
        facts: Of these models.
        usage: What was used.
    """
    costs = [one.cost(usage) for one in facts]
    known = [one for one in costs if one is not None]
    return max(known) if known and len(known) == len(costs) else None
