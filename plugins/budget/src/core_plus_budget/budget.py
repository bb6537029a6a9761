"""The hook: an effect that could pass a limit isn't started, and a model call holds what it may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from core_plus.effects import Allow, CallModel, CallTool, Decision, Deny, Effect, RunAgent
from core_plus.errors import LimitReached, ModelError
from core_plus.hookspecs import hookimpl
from core_plus.models import ModelRequest
from core_plus.run import Run
from core_plus_budget import counting
from core_plus_budget.account import Account, Booking, around
from core_plus_budget.limits import Limits, check_reply, limits_of
from core_plus_budget.pricing import Prices, highest

if TYPE_CHECKING:
    from core_plus_http.facts import Facts

REPLY = 16_384
"""Tokens that a call may write whose request doesn't say: what the smaller of today's models write at most."""
LEAST = 64
"""Tokens to write for which a call is worth making; where fewer are left, the limit is reached."""
UNPAID = frozenset(
    {"authentication", "bad_request", "content_refused", "context_length", "not_found", "overloaded", "permission"}
    | {"rate_limit"}
)
"""Errors, by their `kind`, with which a provider refuses a call before it works on it."""


class Left(msgspec.Struct, frozen=True):
    """What is left of a budget, calls in progress aside; None where there is no limit.

    Args:
        tokens: To read and write.
        money: US dollars.
        model_calls: Model calls.
        tool_calls: Tool calls.
        seconds: Wall time.
    """

    tokens: int | None = None
    money: Decimal | None = None
    model_calls: int | None = None
    tool_calls: int | None = None
    seconds: float | None = None

    @property
    def words(self) -> str:
        """The same in words, "" where nothing is limited."""
        units = {"tokens": "tokens", "model_calls": "model calls", "tool_calls": "tool calls", "seconds": "seconds"}
        found = [
            f"{getattr(self, name):,.0f} {unit}" for name, unit in units.items() if getattr(self, name) is not None
        ]
        return ", ".join(found + ([f"{self.money:.4f} US dollars"] if self.money is not None else []))


class Budget:
    """Holds runs to limits. One object serves any number of runs at once; each outermost run has books of its own.

    For every run of a host: the host's settings, or `Host(plugins=[Budget(...)])`. For one agent and all that works
    for it, wherever it stands: `CodeAgent(..., policies=[Budget(tokens=50_000)])`; then each of its runs may use that.

    Args:
        reply: Tokens that a call may write whose request doesn't say; less where the model writes less, or where less
            is left. Only where tokens or money are limited.
        agents: Limits by the name of an agent, for each of its runs.
        prices: As in `Prices`.
        count: Counts the tokens of a request, given the model's name and the request; None leaves it to the model.
        **limits: As in `Limits`.

    Raises:
        ConfigurationError: A number or a price that makes no sense.
    """

    def __init__(
        self,
        *,
        reply: int = REPLY,
        agents: Mapping[str, Any] | None = None,
        prices: Mapping[str, Any] | Callable[[str], Any] | None = None,
        count: Callable[[str, ModelRequest], int | None] | None = None,
        **limits: Any,
    ) -> None:
        check_reply(reply)
        self.limits = limits_of(limits, "the run")
        self.agents = {name: limits_of(one, f"the agent {name!r}") for name, one in (agents or {}).items()}
        self.reply, self.prices, self._count = reply, Prices(prices or {}), count
        every = (self.limits, *self.agents.values())
        self._priced = any(one.money is not None for one in every)
        self._counts = self._priced or any(one.tokens is not None for one in every)

    def __repr__(self) -> str:
        given = attrs.asdict(self.limits, filter=lambda _, value: value is not None)
        return f"<Budget {', '.join(f'{name}={value}' for name, value in given.items())}>"

    # ---- hooks -----------------------------------------------------------

    @hookimpl
    def review_effect(self, run: Run, effect: Effect) -> Decision | None:
        """Let an effect pass that fits, and say how much a model call may write.

        Args:
            run: Whose effect.
            effect: What is to be performed.

        Raises:
            LimitReached: It could pass a limit.
        """
        scopes = self._scopes(run)
        if isinstance(effect, RunAgent):
            return self._reviewed_agent(run, scopes)
        self._check(run, effect, scopes)
        if not isinstance(effect, CallModel) or not self._counts:
            return None
        booking, most = self._plan(run, effect, scopes)
        return None if booking is None else Allow(max_tokens=most)

    @hookimpl(trylast=True)
    def answer_effect(self, run: Run, effect: Effect) -> None:
        """Hold what a call may use, after all have allowed it and nobody knew an answer: it begins now.

        Args:
            run: Whose effect.
            effect: What is about to be performed.

        Raises:
            LimitReached: It could pass a limit by now.
        """
        if isinstance(effect, CallModel | CallTool):
            scopes = self._scopes(run)
            self._check(run, effect, scopes)
            if isinstance(effect, CallModel) and self._counts:
                booking, _ = self._plan(run, effect, scopes)
                if booking is not None:
                    self._account(run).book(booking)

    @hookimpl(tryfirst=True)
    def retry_effect(self, run: Run, effect: CallModel, error: ModelError, attempt: int) -> None:
        """Hold what the next attempt may use, beside what the failed one may have cost.

        Args:
            run: Whose effect.
            effect: The call.
            error: How the attempt ended.
            attempt: Its number, from 1.

        Raises:
            LimitReached: The next attempt could pass a limit.
        """
        scopes = self._scopes(run)
        self._check(run, effect, scopes)
        account = self._account(run)
        booking = account.booking(run, effect.id)
        if booking is None:
            return
        if error.kind not in UNPAID:
            booking.lost = True
            tokens, money = self._room(scopes, account)
            if (tokens is not None and booking.tokens > tokens) or (money is not None and booking.money > money):
                raise LimitReached(f"{self._told(scopes, account)}; what a failed attempt may have cost is held")
            account.book(booking := attrs.evolve(booking, lost=False))
        booking.idle = True

    # ---- what is left ----------------------------------------------------

    def left(self, run: Run) -> Left:
        """What a run has left, calls in progress aside.

        Args:
            run: Any run that the budget is for.
        """
        account, scopes = self._account(run), self._scopes(run)
        account.settle()
        found: dict[str, Any] = {}
        for scope, limits in scopes:
            spent = account.spent(scope)
            used = {
                "tokens": spent.tokens,
                "money": spent.money,
                "model_calls": scope.calls("model"),
                "tool_calls": scope.calls("tool"),
                "seconds": run.root.now - scope.started,
            }
            for name, value in used.items():
                if (limit := getattr(limits, name)) is not None:
                    rest = max(limit - value, 0)
                    found[name] = min(found.get(name, rest), rest)
        return Left(**found)

    # ---- how it is found -------------------------------------------------

    def _account(self, run: Run) -> Account:
        key = "core_plus_budget", id(self)
        notes = run.root.notes
        if key not in notes:
            notes[key] = Account(run.root, self.prices if self._priced else None)
        account: Account = notes[key]
        return account

    def _scopes(self, run: Run) -> list[tuple[Run, Limits]]:
        """The runs around an effect that have limits, with these."""
        chain = [*around(run)]
        own = [one for one in chain if any(policy is self for policy in one.bound.agent.policies)]
        scopes = [(one, self.limits) for one in own or chain[-1:]]
        return scopes + [(one, self.agents[one.name]) for one in chain if one.name in self.agents]

    def _check(self, run: Run, effect: Effect, scopes: list[tuple[Run, Limits]]) -> None:
        """Calls and time."""
        kind = "model" if isinstance(effect, CallModel) else "tool" if isinstance(effect, CallTool) else ""
        for scope, limits in scopes:
            if limits.seconds is not None and run.root.now - scope.started >= limits.seconds:
                raise LimitReached(f"{_who(scope)} may take {limits.seconds:g} seconds and has taken them")
            most = limits.model_calls if kind == "model" else limits.tool_calls if kind == "tool" else None
            if most is not None and scope.calls(kind) >= most:
                raise LimitReached(f"{_who(scope)} may make {most} {kind} calls and has made them")

    def _reviewed_agent(self, run: Run, scopes: list[tuple[Run, Limits]]) -> Decision | None:
        """A task that would go too deep is denied, which the agent reads: it can still do it itself."""
        for scope, limits in scopes:
            if limits.depth is not None and len(run.path) - len(scope.path) + 2 > limits.depth:
                return Deny(f"agents may stand {limits.depth} deep here; do the task yourself")
        return None

    def _room(self, scopes: list[tuple[Run, Limits]], account: Account) -> tuple[int | None, Decimal | None]:
        """The fewest tokens and the least money that are neither used nor held."""
        tokens, money = list[int](), list[Decimal]()
        for scope, limits in scopes:
            spent, held = account.spent(scope), account.held(scope)
            if limits.tokens is not None:
                tokens.append(limits.tokens - spent.tokens - held[0])
            if limits.money is not None:
                money.append(limits.money - spent.money - held[1])
                if spent.unpriced:
                    raise LimitReached(
                        f"{_who(scope)} may cost {limits.money} US dollars, and what it cost isn't known"
                    )
        return min(tokens, default=None), min(money, default=None)

    def _plan(self, run: Run, effect: CallModel, scopes: list[tuple[Run, Limits]]) -> tuple[Booking | None, int]:
        """What is to be held for a call, and how much it may write."""
        account, request = self._account(run), effect.request
        account.settle(run, effect.id)
        tokens, money = self._room(scopes, account)
        if tokens is None and money is None:
            return None, 0
        model = effect.model or run.bound.model
        facts = self.prices.of(str(model))
        sizes = [one.max_output for one in facts if one.max_output is not None]
        wanted = min([self.reply, *sizes]) if request.max_tokens is None else request.max_tokens
        read, roughly = (size := account.size(run, effect)), False
        most = _writable(read, tokens, money, facts, str(model))
        if most < wanted:  # near the limit it is worth to count
            found = self._counted(run, effect, model)
            roughly = found is None
            read = max(counting.estimate(request), round(size * account.density)) if found is None else found
            most = _writable(read, tokens, money, facts, str(model))
        if most < min(wanted, LEAST):
            guess = " (an estimate)" if roughly else ""
            raise LimitReached(f"{self._told(scopes, account)}; the next model call reads {read:,} tokens{guess}")
        most = min(wanted, most)
        cost = highest(facts, read) if money is not None else None
        held = Decimal(0) if cost is None else read * cost[0] + most * cost[1]
        return Booking(run, effect.id, read + most, held, size, facts), most

    def _counted(self, run: Run, effect: CallModel, model: Any) -> int | None:
        """A request is counted once, though it is looked at before and after it was allowed."""
        key = "core_plus_budget", run.id, effect.id
        if key not in run.notes:
            found = self._count(str(model), effect.request) if self._count is not None else None
            run.notes[key] = counting.counted(model, effect.request) if found is None else found
        counted: int | None = run.notes[key]
        return counted

    def _told(self, scopes: list[tuple[Run, Limits]], account: Account) -> str:
        """Limits, and what is used and held of them."""
        found = []
        for scope, limits in scopes:
            spent, held = account.spent(scope), account.held(scope)
            if limits.tokens is not None:
                words = f"may use {limits.tokens:,} tokens: {spent.tokens:,} are used, {held[0]:,} held"
                found.append(f"{_who(scope)} {words}")
            if limits.money is not None:
                words = f"may cost {limits.money} US dollars: {spent.money:.6f} are spent, {held[1]:.6f} held"
                found.append(f"{_who(scope)} {words}")
        return "; ".join(found)


def _writable(read: int, tokens: int | None, money: Decimal | None, facts: tuple[Facts, ...], model: str) -> int:
    """How many tokens may be written after so many were read."""
    found = [] if tokens is None else [tokens - read]
    if money is not None:
        cost = highest(facts, read)
        if cost is None:
            raise LimitReached(
                f"money is limited, and no price is known of the model {model!r}: give it in prices={{{model!r}: …}} "
                "of the budget, or in the file that CORE_PLUS_FACTS names"
            )
        left = money - read * cost[0]
        found.append(-1 if left < 0 else int(left / cost[1]) if cost[1] else tokens if tokens is not None else 1 << 62)
    return min(found)


def _who(scope: Run) -> str:
    return f"the agent {scope.name!r}" if scope.name and scope.parent is not None else "the run"
