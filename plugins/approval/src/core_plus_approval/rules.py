"""Rules: what they match, and what they say."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from typing import Any, Literal, TypeAlias, cast

import attrs

from core_plus.errors import ConfigurationError
from core_plus.naming import closest
from core_plus_approval.deeds import Deed, leaves

Verdict: TypeAlias = Literal["allow", "ask", "deny"]
VERDICTS = ("allow", "ask", "deny")
EFFECTS = ("read", "idempotent", "write")
WHATS = ("tool", "code")


def _names(given: Any) -> tuple[str, ...]:
    found = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(one, str) and one for one in found):
        raise ConfigurationError(f"approval: {given!r} is no pattern and no list of patterns, such as 'delete_*'")
    return found


def _agents(given: Any) -> tuple[str, ...]:
    return ("",) if given == "" else _names(given)  # the outermost agent may have no name


def _among(known: tuple[str, ...]) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        for one in (value,) if isinstance(value, str) else value:
            if one not in known:
                raise ConfigurationError(f"approval: {attribute.name} can't be {one!r}; {closest(one, known)}")

    return check


def _tests(given: Mapping[str, Any]) -> dict[str, Callable[[Any], bool]]:
    return {name: _test(name, pattern) for name, pattern in given.items()}


def _test(name: str, pattern: Any) -> Any:
    """What says whether a value fits a pattern."""
    if isinstance(pattern, Mapping) and set(pattern) == {"regex"}:
        try:
            pattern = re.compile(pattern["regex"])
        except (re.error, TypeError) as error:
            raise ConfigurationError(f"approval: the pattern of {name!r} is no regular expression: {error}") from None
    if isinstance(pattern, re.Pattern):
        return _Text(pattern.search)
    if isinstance(pattern, str):
        return _Text(_glob(pattern))
    if callable(pattern):
        return pattern
    raise ConfigurationError(
        f"approval: the pattern of {name!r} is a glob, {{regex = '…'}} or, in Python, a function of the value, "
        f"not {pattern!r}"
    )


@attrs.frozen
class _Text:
    """Looks at the text of single values; any other function gets the whole value."""

    search: Callable[[str], Any]

    def __call__(self, value: Any) -> bool:
        return self.search(value if isinstance(value, str) else str(value)) is not None


@functools.cache
def _glob(pattern: str) -> Callable[[str], Any]:
    """Says whether a whole text fits a glob, upper and lower case told apart."""
    return re.compile(translate(pattern)).match


@functools.lru_cache(maxsize=10_000)
def _named(patterns: tuple[str, ...], name: str) -> bool:
    return any(_glob(pattern)(name) for pattern in patterns)


@attrs.frozen
class Rule:
    """What to do with calls of a kind. All that it names must fit; what it doesn't name fits always.

    A rule that asks or denies is never dodged by hiding the value in a list or by handing the work on: it fits if
    any single value within an argument does, and for whatever is done by order of the agent. One that allows fits
    only if all values do, and for what the agent does itself.

    Args:
        verdict: "allow", "ask" or "deny".
        tool: Globs of names of tools and agents, such as "delete_*".
        effect: What the tool does: "read", "idempotent", "write".
        agent: Globs of names of agents; the outermost may have none, which is "".
        origin: Globs of where the call comes from: "native", "code", "plugin", "mcp", "mcp:SERVER".
        arguments: For names of arguments: a glob, {"regex": "…"} (found anywhere in it), a compiled expression, or a
            function of the whole value. They are held against the value's text as it stands: a path isn't resolved.
        what: "tool" (agents too) or "code"; whole snippets are judged only where a rule says "code".
        when: A function of the `Deed`, for what can't be said otherwise; one that raises denies.
        reason: What the model reads of a denial, and a person beside the question.

    Raises:
        ConfigurationError: A word or a pattern that makes no sense.
    """

    verdict: Verdict = attrs.field(validator=_among(VERDICTS))
    tool: Any = attrs.field(default=(), converter=_names, kw_only=True)
    effect: Any = attrs.field(default=(), converter=_names, validator=_among(EFFECTS), kw_only=True)
    agent: Any = attrs.field(default=(), converter=_agents, kw_only=True)
    origin: Any = attrs.field(default=(), converter=_names, kw_only=True)
    arguments: Any = attrs.field(factory=dict, converter=_tests, kw_only=True, repr=lambda tests: repr([*tests]))
    what: Any = attrs.field(default=("tool",), converter=_names, validator=_among(WHATS), kw_only=True)
    when: Callable[[Deed], bool] | None = attrs.field(default=None, kw_only=True)
    reason: str = attrs.field(default="", kw_only=True)

    def matches(self, deed: Deed) -> bool:
        """Whether the rule speaks of a deed.

        Args:
            deed: What is to be done.
        """
        if deed.what not in self.what or (self.effect and deed.effect not in self.effect):
            return False
        if self.tool and not _named(self.tool, deed.name):
            return False
        if self.origin and not any(_named(self.origin, origin) for origin in deed.origins):
            return False
        agents = deed.agents[:1] if self.verdict == "allow" else deed.agents
        if self.agent and not any(_named(self.agent, agent) for agent in agents):
            return False
        fits = all(self._fits(test, deed.argument(name)) for name, test in self.arguments.items())
        return fits and (self.when is None or bool(self.when(deed)))

    def _fits(self, test: Any, given: tuple[Any, ...]) -> bool:
        if not given:
            return False
        if not isinstance(test, _Text):
            return bool(test(given[0]))
        value = given[0]
        found = [test(one) for one in ((value,) if isinstance(value, str) else leaves(value))]
        return bool(found) and (all(found) if self.verdict == "allow" else any(found))


def rule_of(given: Any) -> Rule:
    """A rule from a table of a configuration.

    Args:
        given: A `Rule`, which is given back, or a dict of its settings.

    Raises:
        ConfigurationError: A setting that doesn't exist or makes no sense.
    """
    if isinstance(given, Rule):
        return given
    fields = [field.name for field in attrs.fields(cast("Any", Rule))]
    if not isinstance(given, Mapping) or "verdict" not in given:
        raise ConfigurationError(f"approval: a rule is a table with verdict = 'allow', 'ask' or 'deny': {given!r:.100}")
    for name in given:
        if name not in fields:
            raise ConfigurationError(f"approval: a rule has no {name!r}; {closest(name, fields)}")
    return Rule(**given)
