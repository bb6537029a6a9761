"""Policies: rules in order, and what holds where none of them speaks."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from core_plus.errors import ConfigurationError
from core_plus.naming import closest
from core_plus_approval import VARIABLE
from core_plus_approval.deeds import Deed
from core_plus_approval.rules import WHATS, Rule, rule_of

CHANGES = ("idempotent", "write")
READ_ONLY = "this run may only read"


def _rules(given: Any) -> tuple[Rule, ...]:
    if isinstance(given, Mapping | str):
        raise ConfigurationError(f"approval: rules is a list of tables, not {given!r:.100}")
    return tuple(rule_of(one) for one in given)


@attrs.frozen
class Policy:
    """What is allowed, asked and denied.

    A denying rule that fits holds wherever it stands. Else the first rule that fits says; else those of `base`, in
    the same way; else nothing is said, and the call goes on unless another plugin objects.

    Args:
        rules: `Rule`s, or dicts of their settings.
        base: What holds where no rule fits.
    """

    rules: tuple[Rule, ...] = attrs.field(default=(), converter=_rules)
    base: tuple[Rule, ...] = attrs.field(default=(), converter=_rules)

    def rule_for(self, deed: Deed) -> Rule | None:
        """The rule that holds for a deed.

        Args:
            deed: What is to be done.
        """
        for rules in (self.rules, self.base):
            fitting = [rule for rule in rules if rule.matches(deed)]
            if fitting:
                return next((rule for rule in fitting if rule.verdict == "deny"), fitting[0])
        return None


careful = Policy(base=(Rule("allow", what=WHATS, effect="read"), Rule("ask", what=WHATS, effect=CHANGES)))
"""What reads goes on; what may change something is asked, and so is code in an executor that is no sandbox."""

read_only = Policy(
    base=(Rule("allow", what=WHATS, effect="read"), Rule("deny", what=WHATS, effect=CHANGES, reason=READ_ONLY))
)
"""What reads goes on; all else is denied, and so is code in an executor that is no sandbox."""

trust = Policy(base=(Rule("allow", what=WHATS),))
"""Everything goes on."""

READY = {"careful": careful, "read-only": read_only, "trust": trust}


def policy_of(settings: Mapping[str, Any]) -> Policy | None:
    """The policy that settings describe.

    Args:
        settings: `policy` (a ready-made one's name, a `.toml` file, or a `Policy`) and `rules` (which go before its
            own). Where there are none, the environment's CORE_PLUS_APPROVAL is the policy.

    Returns:
        None where nothing is set.

    Raises:
        ConfigurationError: A setting that doesn't exist or makes no sense, or a file that can't be read.
    """
    for name in settings:
        if name not in ("policy", "rules"):
            raise ConfigurationError(f"approval has no setting {name!r}; {closest(name, ['policy', 'rules'])}")
    if not settings:
        named = os.environ.get(VARIABLE, "").strip()
        try:
            return _named(named) if named else None
        except ConfigurationError as error:
            raise ConfigurationError(f"{VARIABLE}: {error}") from error
    base = _named(settings.get("policy"))
    return attrs.evolve(base, rules=(*_rules(settings.get("rules", ())), *base.rules))


def _named(given: Any) -> Policy:
    if given is None:
        return Policy()
    if isinstance(given, Policy):
        return given
    text = os.fspath(given)
    if text in READY:
        return READY[text]
    if text.endswith(".toml"):
        return load_policy(text)
    near = closest(text, READY)
    raise ConfigurationError(f"approval: there is no policy {text!r} (and no file that ends in .toml); {near}")


def load_policy(path: str | Path) -> Policy:
    """The policy that a TOML file holds, as `[approval]` or, in a pyproject.toml, `[tool.core-plus.approval]`.

    Args:
        path: The file, from the working folder.

    Raises:
        ConfigurationError: It can't be read, or holds no such table, or one that makes no sense.
    """
    file = Path(path)
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"approval: {str(path)!r} can't be read: {error}") from error
    inner = file.name == "pyproject.toml"
    table: Any = found
    for name in ("tool", "core-plus", "approval") if inner else ("approval",):
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise ConfigurationError(f"approval: {str(path)!r} has no [{'tool.core-plus.' if inner else ''}approval]")
    if str(table.get("policy", "")).endswith(".toml"):
        raise ConfigurationError(f"approval: policy in {str(path)!r} is one of {', '.join(READY)}, not another file")
    try:
        return policy_of(table) or Policy()
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
