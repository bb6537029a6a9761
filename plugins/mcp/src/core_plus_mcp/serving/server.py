"""The server itself: it lists what is offered, follows the runs, and has their questions answered by the client.

Before 2026-07-28 a server asks its client while the call is open. Since then it answers the call with what it wants
to know, and the client calls again with the answers: meanwhile the run holds still here, under a name that nobody
can guess.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from core_plus import Host, PlanningStep, Question, Runnable, Tool, default_host
from core_plus.events import CodeStarted, StepStarted, ToolProgress, ToolStarted
from core_plus_mcp.serving.offers import Offer

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from core_plus import Event, EventStream

HELD: Final = 1000
"""Runs that hold still at most; the oldest is given up for one more."""
KEPT: Final = 3600.0
"""Seconds after which a run that holds still is given up."""
FIELD: Final = "answer"


class Service:
    """Agents and tools, as handlers of the SDK's server.

    Args:
        things: Agents, tools, and whatever else the host knows as tools.
        host: Where plugins come from.

    Raises:
        ValueError: Two have one name, or there is nothing.
    """

    def __init__(self, things: tuple[Any, ...], host: Host) -> None:
        self._offers: dict[str, Offer] = {}
        for thing in things:
            for one in [thing] if isinstance(thing, Runnable | Tool) else host.tools(thing):
                offer = Offer(one, host)
                if offer.name in self._offers:
                    raise ValueError(f"two tools or agents are called {offer.name!r}: give one of them another name")
                self._offers[offer.name] = offer
        if not self._offers:
            raise ValueError("there is nothing to offer: give an agent or a tool")
        self._held: OrderedDict[str, tuple[float, str, EventStream[Any]]] = OrderedDict()

    async def list_tools(self, context: Any, params: Any) -> Any:
        """The SDK's handler for tools/list."""
        from mcp_types import ListToolsResult

        return ListToolsResult(tools=[offer.told() for offer in self._offers.values()])

    async def call_tool(self, context: Any, params: Any) -> Any:
        """The SDK's handler for tools/call."""
        from mcp import MCPError
        from mcp_types import INVALID_PARAMS

        offer = self._offers.get(params.name)
        if offer is None:
            known = ", ".join(self._offers)
            raise MCPError(code=INVALID_PARAMS, message=f"there is no tool {params.name!r}; there are {known}")
        try:
            stream = self._begun(offer, params)
        except ValueError as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from None
        try:
            return await self._followed(offer, stream, context)
        except BaseException:
            stream.interrupt()
            with contextlib.suppress(asyncio.CancelledError):
                await stream.aclose()
            raise

    def _begun(self, offer: Offer, params: Any) -> EventStream[Any]:
        """A new run; or one that holds still, with the answers that the client brings."""
        if params.request_state is None:
            return offer.begin(params.arguments or {})
        _, name, stream = self._held.pop(params.request_state, (0.0, "", None))
        if stream is None or name != offer.name:
            raise ValueError("nobody waits for these answers here (any more): call the tool again from the start")
        replies: Mapping[str, Any] = params.input_responses or {}
        questions = stream.result.questions if stream.result is not None else ()
        return stream.answer({one.id: answer_of(one, replies.get(one.id)) for one in questions})

    async def _followed(self, offer: Offer, stream: EventStream[Any], context: Any) -> Any:
        from mcp_types import CallToolResult, ElicitRequest, InputRequiredResult, TextContent
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        while True:
            count = 0
            async for event in stream:
                if (words := words_of(event)) is not None:
                    count += 1
                    await context.session.report_progress(count, None, words)
            result = stream.result
            assert result is not None
            if result.state != "suspended":
                return offer.outcome(result)
            capabilities = context.session.client_capabilities
            if capabilities is None or capabilities.elicitation is None:
                asked = "; ".join(question.text for question in result.questions)
                await stream.aclose()
                why = f"a person must be asked, which this client can't: {asked}"
                return CallToolResult(content=[TextContent(type="text", text=why)], is_error=True)
            requests = {question.id: ElicitRequest(params=form_of(question)) for question in result.questions}
            if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
                state = await self._hold(offer, stream)
                return InputRequiredResult(input_requests=dict(requests), request_state=state)
            answers = {}
            for question in result.questions:
                form = requests[question.id].params
                schema: Any = form.requested_schema  # type: ignore[union-attr]  # we make forms only
                reply = await context.session.elicit_form(form.message, schema, context.request_id)
                answers[question.id] = answer_of(question, reply)
            stream.answer(answers)

    async def _hold(self, offer: Offer, stream: EventStream[Any]) -> str:
        now, state = time.monotonic(), secrets.token_urlsafe(24)
        self._held[state] = now, offer.name, stream
        old = [key for key, (since, _, _) in self._held.items() if now - since > KEPT]
        for key in old or ([next(iter(self._held))] if len(self._held) > HELD else ()):
            await self._held.pop(key)[2].aclose()
        return state

    async def close(self) -> None:
        """Give up the runs that hold still."""
        while self._held:
            await self._held.popitem()[1][2].aclose()


def words_of(event: Event) -> str | None:
    """What a client is told of an event; None if nothing.

    Args:
        event: Of a run.
    """
    who = f"{'/'.join(event.path)}: " if event.path else ""
    if isinstance(event, StepStarted):
        return f"{who}{'plans' if event.kind == 'plan' else f'step {event.number}'}"
    if isinstance(event, ToolStarted):
        return f"{who}calls {event.call.name}"
    if isinstance(event, CodeStarted):
        return f"{who}runs code"
    if isinstance(event, ToolProgress):
        return f"{who}{event.data}"
    if isinstance(event, PlanningStep):
        return f"{who}plan: {event.plan[:500]}"
    return None


def form_of(question: Question) -> Any:
    """A question as a form of one field.

    Args:
        question: Of a run.

    Returns:
        The SDK's parameters of an elicitation.
    """
    from mcp_types import ElicitRequestFormParams

    field: dict[str, Any] = {"type": "string", "title": "Answer"}
    if question.choices:
        field["enum"] = list(question.choices)
    if isinstance(question.default, str) and (not question.choices or question.default in question.choices):
        field["default"] = question.default
    text = question.text
    if (code := question.details.get("code")) is not None:
        text = f"{text}\n\n{code}"
    schema = {"type": "object", "properties": {FIELD: field}, "required": [FIELD]}
    return ElicitRequestFormParams(message=text[:5000], requested_schema=schema)


def answer_of(question: Question, reply: Any) -> Any:
    """What the client's person said, as the run wants it; who doesn't answer says no.

    Args:
        question: Which was asked.
        reply: The SDK's result of an elicitation, None if there is none.
    """
    content = getattr(reply, "content", None) or {}
    if getattr(reply, "action", "") == "accept" and FIELD in content:
        return content[FIELD]
    if getattr(reply, "action", "") == "accept" and question.kind == "approval":
        return "yes"
    return "no" if question.kind != "question" else "(the person did not answer)"


def mcp_server(
    *things: Any, host: Host | None = None, name: str = "core-plus", instructions: str | None = None
) -> Server:
    """An MCP server that offers agents and tools.

    Args:
        *things: Agents (each with a name and a description), tools, and whatever else the host knows as tools.
        host: Where plugins come from; None is the process's default host.
        name: What it calls itself.
        instructions: What clients should know of it.

    Returns:
        The SDK's low-level server, to be served by any of the SDK's transports, or by `serve_stdio` and
        `serve_http` of `core_plus_mcp.serving.transports`.

    Raises:
        ValueError: Two have one name, or there is nothing.
    """
    from importlib.metadata import version

    from mcp.server.lowlevel import Server

    service = Service(things, host or default_host())

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> Any:
        try:
            yield {}
        finally:
            await service.close()

    return Server(
        name,
        version=version("core-plus-mcp"),
        instructions=instructions,
        lifespan=lifespan,
        on_list_tools=service.list_tools,
        on_call_tool=service.call_tool,
    )
