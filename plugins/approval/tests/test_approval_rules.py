"""What rules match, and which of several holds."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_plus import ConfigurationError
from core_plus_approval import Deed, Policy, Rule, careful, read_only, trust
from core_plus_approval.deeds import leaves
from core_plus_approval.grants import key_of

NAMES = st.sampled_from(["read_file", "write_file", "delete_file", "delete_all", "send", "code", ""])
GLOBS = st.sampled_from(["*", "read_*", "*_file", "delete_*", "send", "s?nd", "[dw]*", "nothing"])
VERDICTS = st.sampled_from(["allow", "ask", "deny"])
EFFECTS = st.sampled_from(["read", "idempotent", "write"])
ORIGINS = st.sampled_from(
    [("native",), ("code",), ("plugin",), ("native", "mcp", "mcp:files"), ("code", "mcp", "mcp:git")]
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def deeds(draw):
    agents = tuple(draw(st.lists(st.sampled_from(["", "helper", "boss"]), min_size=1, max_size=3)))
    return Deed(
        what=draw(st.sampled_from(["tool", "code"])),
        name=draw(NAMES),
        effect=draw(EFFECTS),
        agents=agents,
        origins=draw(ORIGINS),
        arguments=draw(st.dictionaries(st.sampled_from(["path", "url"]), PLAIN, max_size=2)),
    )


@st.composite
def rules(draw):
    optional = {
        "tool": st.lists(GLOBS, max_size=2),
        "effect": st.lists(EFFECTS, max_size=2),
        "agent": st.lists(st.sampled_from(["helper", "b*", "*"]), max_size=1),
        "origin": st.lists(st.sampled_from(["native", "code", "mcp*", "mcp:files"]), max_size=1),
        "what": st.sampled_from(["tool", "code", ("tool", "code")]),
        "arguments": st.dictionaries(st.sampled_from(["path", "url"]), st.sampled_from(["*", "a*", "*1*"]), max_size=1),
    }
    return Rule(draw(VERDICTS), **{name: draw(values) for name, values in optional.items()})


def plainly(rule, deed):
    """Whether a rule fits, said again in other words; the arguments' patterns by their globs."""
    agents = deed.agents[:1] if rule.verdict == "allow" else deed.agents
    named = [
        (rule.tool, [deed.name]),
        (rule.origin, deed.origins),
        (rule.agent, agents),
        (rule.effect, [deed.effect]),
        (rule.what, [deed.what]),
    ]
    return all(not globs or any(fnmatchcase(n, g) for n in names for g in globs) for globs, names in named)


@given(rules(), deeds())
def test_a_rule_fits_only_what_fits_all_that_it_names(rule, deed):
    if rule.matches(deed):
        assert plainly(rule, deed)
        assert set(rule.arguments) <= set(deed.arguments)
    elif not rule.arguments:
        assert not plainly(rule, deed)


@given(st.lists(rules(), max_size=5), deeds(), st.randoms())
def test_a_denial_holds_in_whatever_order_the_rules_stand(given_rules, deed, random):
    word = Policy(given_rules).rule_for(deed)
    shuffled = [*given_rules]
    random.shuffle(shuffled)
    other = Policy(shuffled).rule_for(deed)
    denied = any(rule.verdict == "deny" and rule.matches(deed) for rule in given_rules)
    assert denied == (word is not None and word.verdict == "deny") == (other is not None and other.verdict == "deny")
    assert (word is None) == (other is None)


@given(st.lists(rules(), max_size=4), deeds())
def test_without_a_denial_the_first_that_fits_says(given_rules, deed):
    mild = [rule for rule in given_rules if rule.verdict != "deny"]
    assert Policy(mild).rule_for(deed) is next((rule for rule in mild if rule.matches(deed)), None)


@given(deeds())
def test_the_ready_made_policies_have_a_word_for_everything(deed):
    words = [policy.rule_for(deed).verdict for policy in (careful, read_only, trust)]
    assert words == (["allow"] * 3 if deed.effect == "read" else ["ask", "deny", "allow"])


@given(PLAIN, st.sampled_from(["*", "a*", "[!a]*", "*1*"]))
def test_a_list_hides_nothing_from_a_denial_and_lends_nothing_to_a_permission(value, glob):
    deed = Deed(name="send", arguments={"url": value})
    texts = [one if isinstance(one, str) else str(one) for one in leaves(value)]
    assert Rule("deny", arguments={"url": glob}).matches(deed) == any(fnmatchcase(text, glob) for text in texts)
    fits = bool(texts) and all(fnmatchcase(text, glob) for text in texts)
    assert Rule("allow", arguments={"url": glob}).matches(deed) == fits


def test_a_value_that_holds_itself_is_gone_through_once():
    value = ["a"]
    value.append(value)
    assert list(leaves(value)) == ["a"]


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("/etc/*", "/etc/passwd", True),
        ("/etc/*", "/home/etc/passwd", False),
        ("/ETC/*", "/etc/passwd", False),
        ({"regex": "^http://"}, "http://here", True),
        ({"regex": "^http://"}, "https://here", False),
        (re.compile("secret", re.IGNORECASE), "a SECRET place", True),
        (lambda amount: amount > 100, 101, True),
        (lambda amount: amount > 100, 100, False),
        ("5", 5, True),
        ("line*", "line\nbreak", True),
    ],
)
def test_patterns_of_arguments(pattern, value, fits):
    assert Rule("deny", arguments={"it": pattern}).matches(Deed(name="send", arguments={"it": value})) is fits


def test_a_rule_about_an_agent_holds_for_whoever_works_for_it_unless_it_allows():
    inner = Deed(name="send", agents=("writer", "helper", ""), arguments={})
    assert Rule("deny", agent="helper").matches(inner)
    assert Rule("ask", agent="helper").matches(inner)
    assert not Rule("allow", agent="helper").matches(inner)
    assert Rule("allow", agent="writer").matches(inner)


def test_the_outermost_agent_can_be_meant():
    assert Rule("allow", agent="").matches(Deed(name="send", arguments={}))
    assert not Rule("allow", agent="").matches(Deed(name="send", agents=("helper", ""), arguments={}))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"verdict": "forbid"}, "verdict can't be 'forbid'"),
        ({"verdict": "deny", "tools": "x"}, "a rule has no 'tools'; did you mean tool"),
        ({"verdict": "deny", "effect": "reed"}, "effect can't be 'reed'; did you mean read"),
        ({"verdict": "deny", "tool": 3}, "3 is no pattern"),
        ({"verdict": "deny", "tool": [""]}, "is no pattern"),
        ({"verdict": "deny", "arguments": {"path": {"regex": "("}}}, "the pattern of 'path' is no regular expression"),
        ({"verdict": "deny", "arguments": {"path": 3}}, "the pattern of 'path' is a glob"),
        ({"tool": "x"}, "a rule is a table with verdict"),
        ("deny", "a rule is a table with verdict"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(settings, text):
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        Policy([settings])


@given(PLAIN, PLAIN)
def test_only_the_same_arguments_have_the_same_key(one, other):
    assert (key_of({"it": one}) == key_of({"it": other})) <= (one == other)
    assert key_of({"it": one, "more": other}) == key_of({"more": other, "it": one})


PAIRS = [(1, True), (1, 1.0), ("1", 1), ([1], (1,)), (b"a", "a"), ([], {}), (None, "None"), ({1}, [1])]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_arguments_of_different_types_are_different(one, other):
    assert key_of({"it": one}) != key_of({"it": other})


def test_what_can_not_be_told_apart_by_its_looks_has_no_key():
    assert key_of({"it": object()}) == ""
    assert key_of({"it": [lambda: 1]}) == ""
