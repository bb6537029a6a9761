"""The hook: it judges each effect by a policy, and remembers for a run what a person has answered."""

from __future__ import annotations

import weakref
from typing import Any

from core_plus.effects import Allow, Ask, Decision, Deny, Effect
from core_plus.events import Event, QuestionAnswered, RunFinished, RunStarted
from core_plus.hookspecs import Register, hookimpl
from core_plus.run import Run
from core_plus_approval.deeds import CODE, Deed, deed_of
from core_plus_approval.grants import Granted, Wish, key_of, mark_of
from core_plus_approval.policy import Policy

ALWAYS = "always"
"""The answer that holds for the rest of the run; one of those that the kernel takes for a yes."""
CHOICES = ("yes", ALWAYS, "no")
YES = ("yes", "y", "true", "ok", ALWAYS)
SHOWN = 200
"""Characters of an argument in the question itself; the UI shows it whole beside it."""
FORBIDDEN = "the policy of this run forbids it"
FROM_VIEW = "the tool is secret: its arguments are kept from view, and a yes holds for this one call"


class Approval:
    """Judges the effects of runs by a policy, and sees what people answer.

    For one agent and all that works for it: `CodeAgent(..., policies=[Approval(careful)])`. For every run of a host:
    `Host(plugins=[Approval(policy)])`, or by the host's settings. One object serves any number of runs at once.

    A yes holds for the tool with exactly these arguments, for this agent, in this run; `allow` for the tool, for
    this agent, until the run ends. A run is the outermost one with all inner runs.

    Args:
        policy: What is allowed, asked and denied.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._granted: dict[str, Granted] = {}
        self._roots: dict[str, str] = {}
        self._asked: dict[tuple[str, str], tuple[str, Wish]] = {}
        self._seen: weakref.WeakSet[Run] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<Approval {len(self.policy.rules)} rules>"

    @hookimpl
    def register_observers(self, register: Register) -> None:
        """See the answers in every run of the host that it is given to as a plugin.

        Args:
            register: The host's.
        """
        register(f"approval-{id(self):x}", lambda: self, summary="judges effects by a policy")

    @hookimpl
    def review_effect(self, run: Run, effect: Effect) -> Decision | None:
        """Allow, ask or deny.

        Args:
            run: Whose effect.
            effect: What is to be performed.
        """
        deed = deed_of(run, effect)
        rule = None if deed is None else self.policy.rule_for(deed)
        if deed is None or rule is None:
            return None
        if rule.verdict == "deny":
            return Deny(rule.reason or FORBIDDEN)
        if rule.verdict == "allow" or deed.settled:
            return Allow(rule.reason)
        wish = _wish(run, deed)
        if (granted := self._granted.get(run.root.id)) is not None and granted.covers(wish):
            return Allow("a person allowed it before in this run")
        self._follow(run.root)
        self._asked[run.id, effect.id] = run.root.id, wish
        return _question(run, deed, rule.reason)

    def observe(self, event: Event) -> None:
        """See what was answered; the same when a kept run is gone through again in another process.

        Args:
            event: What happened.
        """
        if isinstance(event, QuestionAnswered):
            self._answered(event)
        elif isinstance(event, RunStarted):
            self._roots[event.run_id] = self._roots.get(event.parent, event.parent) or event.run_id
        elif isinstance(event, RunFinished) and event.state != "suspended":
            self._roots.pop(event.run_id, None)
            self._forget(event.run_id)

    def _answered(self, event: QuestionAnswered) -> None:
        question, said = event.question, event.answer
        word = str(said).strip().lower()
        root, wish = self._asked.pop((event.run_id, question.id), (None, None))
        if said is not True and word not in YES:
            return
        if wish is None and question.choices == CHOICES:
            root, wish = self._roots.get(event.run_id, event.run_id), _wish_of(event)
        if root is not None and wish is not None:
            whole = word == ALWAYS and question.choices == CHOICES
            self._granted.setdefault(root, Granted()).add(wish, whole)

    def _follow(self, root: Run) -> None:
        """Forget a run that was given up, such as one that nobody ever answered."""
        if root not in self._seen:
            self._seen.add(root)
            forget = weakref.WeakMethod(self._forget)
            weakref.finalize(root, _call, forget, root.id).atexit = False

    def _forget(self, root: str) -> None:
        self._granted.pop(root, None)
        for asked in [key for key, (of, _) in [*self._asked.items()] if of == root]:
            self._asked.pop(asked, None)


def _call(method: Any, *args: Any) -> None:
    if (function := method()) is not None:
        function(*args)


def _wish(run: Run, deed: Deed) -> Wish:
    key = "" if deed.secret else key_of(dict(deed.arguments))
    return Wish(run.path, deed.name, mark_of(deed.tool), key)


def _wish_of(event: QuestionAnswered) -> Wish:
    """What was asked, from the question alone: the run was asked in an earlier process."""
    details = event.question.details
    if details.get("what") == CODE:
        return Wish(event.path, CODE, "", key_of({CODE: details.get(CODE)}))
    key = "" if "secret" in details else key_of(details.get("arguments"))
    return Wish(event.path, str(details.get("tool", "")), "", key)


def _question(run: Run, deed: Deed, reason: str) -> Ask:
    details: dict[str, Any] = {"reason": reason} if reason else {}
    if run.name:
        details["agent"] = run.name
    if deed.what == CODE:
        details = {"executor": run.bound.executor_name, **details}
        return Ask(f"Run this code? ({ALWAYS}: all code of this run)", CHOICES, details)
    details = {"tool": deed.name, "arguments": deed.shown, **details}
    if deed.secret:
        details["secret"] = FROM_VIEW
    given = ", ".join(f"{name}={_short(value)}" for name, value in deed.shown.items())
    return Ask(f"Allow {deed.name}({given})? ({ALWAYS}: {deed.name} for the rest of this run)", CHOICES, details)


def _short(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}…"
