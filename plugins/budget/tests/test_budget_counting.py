"""How many tokens a request has, as far as that is known."""

from __future__ import annotations

from budget_doubles import LOOK, Metered, agent, ended, used
from hypothesis import given
from hypothesis import strategies as st

from core_plus import Image, ModelRequest, ServerError, Usage, message
from core_plus_budget import Budget
from core_plus_budget.counting import bound, estimate


class Counts(Metered):
    def count_tokens(self, request):
        return 7


def test_near_the_limit_a_request_is_counted_by_who_can(host):
    model = Counts("done", usage=used())
    agent(host, model, Budget(tokens=2_000)).run("go")
    assert model.requests[0].max_tokens == 2_000 - 7
    agent(host, model, Budget(tokens=2_000, count=lambda ref, request: len(ref))).run("go")
    assert model.requests[1].max_tokens == 2_000 - len("metered:one")


def test_without_anyone_who_counts_it_is_an_estimate_and_called_one(host):
    model = Metered("done", usage=used())
    agent(host, model, Budget(tokens=2_000)).run("go")
    assert model.requests[0].max_tokens == 2_000 - estimate(model.requests[0])
    ended(agent(host, model, Budget(tokens=100)).run("go"), "tokens (an estimate)")


def test_who_fails_to_count_is_passed_over(host):
    class Fails(Metered):
        def count_tokens(self, request):
            raise ServerError("oh")

    class Waits(Metered):
        async def count_tokens(self, request):
            return 7

    for model in (Fails("done", usage=used()), Waits("done", usage=used())):
        agent(host, model, Budget(tokens=2_000)).run("go")
        assert model.requests[0].max_tokens == 2_000 - estimate(model.requests[0])


@given(st.text(), st.lists(st.text(), max_size=3))
def test_there_are_no_more_tokens_than_the_bound(text, more):
    request = ModelRequest((message("user", text), message("assistant", more)))
    assert bound(request) >= len("".join([text, *more]).encode())
    assert estimate(request) <= bound(request)


def test_pictures_count_as_such(host):
    request = ModelRequest((message("user", ["see", Image(data=b"x" * 100_000)]),))
    assert 4_000 < estimate(request) <= bound(request) < 4_200


def test_what_was_read_so_far_makes_estimates_better(host):
    """A vocabulary that needs a token for each byte: after the first reply that is known."""
    model = Metered(LOOK, usage=lambda request: Usage(input_tokens=bound(request), output_tokens=1))
    result = ended(agent(host, model, Budget(tokens=6_000, reply=64)).run("go"), "(an estimate)")
    assert len(model.requests) > 2
    assert result.usage.total_tokens <= 6_000
