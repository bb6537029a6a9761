"""A server's tools and resources as tools of an agent."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from core_plus import RunContext, Tool, ToolCall, ToolDefinitionError
from core_plus.effects import Begin, CallTool, Consult, FirstDone
from core_plus_mcp import content, schemas
from core_plus_mcp.asking import asked
from core_plus_mcp.call import QUESTION, Call, Calls
from core_plus_mcp.connection import Connection

if TYPE_CHECKING:
    from core_plus.tools import Repeating


class ServerTool(Tool):
    """What the tools of a server have in common.

    Args:
        connection: To the server.
        calls: Those under way there.
        siblings: Gives all tools of the server as they are now.

    Attributes:
        server: The server's name.
        remote_name: The tool's name there, "" where it stands for several requests.
    """

    remote_name = ""

    def connect(self, connection: Connection, calls: Calls, siblings: Callable[[], list[Tool]]) -> None:
        """Keep what calls need; see the class."""
        self.connection, self.calls, self.siblings, self.server = connection, calls, siblings, connection.server.name


class McpTool(ServerTool):
    """A tool of a server.

    What repeating a call would do is what the server says of it: nothing where it says that the tool only reads,
    the same again where it says that it is idempotent; otherwise it counts as something that must not be repeated.

    Args:
        told: The tool, as the SDK has it.
        name: What it is called by; a Python name.
        connection: To the server.
        calls: Those under way there.
        siblings: Gives all tools of the server as they are now.

    Raises:
        ToolDefinitionError: Its schema is none; the text names the place.
    """

    def __init__(
        self, told: Any, name: str, connection: Connection, calls: Calls, siblings: Callable[[], list[Tool]]
    ) -> None:
        self.connect(connection, calls, siblings)
        schema = dict(told.input_schema)
        if problem := schemas.problem_of(schema):
            raise ToolDefinitionError(
                f"the tool {told.name!r} of MCP server {self.server!r} has an invalid schema: {problem}"
            )
        self.remote_name = told.name
        self._names = {python: other for other, python in schemas.parameters_of(schema).items()}
        self._arguments, self._returns, self._wrapped = schema, *_unwrapped(told.output_schema)
        self.name = name
        title = told.title or (told.annotations.title if told.annotations else None)
        self.description = (told.description or title or f"The tool {told.name!r} of {self.server}.").strip()
        self.parameters = _renamed(schema, self._names)
        self.output_schema = self._returns
        self.effect = _effect(told.annotations)

    # No server calls an argument like the run's; "self" may be one.
    def forward(self, /, *, core_plus_run: RunContext[Any], **arguments: Any) -> Generator[Any, Any, Any]:
        """Call the tool on its server; progress becomes events, questions are put to the run's person."""
        context: Any = core_plus_run  # None where a program calls the tool itself
        given = {self._names.get(name, name): value for name, value in arguments.items()}

        async def request(client: Any, progress: Any) -> Any:
            result = await client.call_tool(self.remote_name, given, progress_callback=progress)
            return content.value_of(result, self.name, self._wrapped)

        run, emit, own = ("", None, "") if context is None else (context.run_id, context.emit, context.call_id)
        call = self.calls.begin(Call(self.connection, self.name, request, run, emit))
        reply, number = None, 0
        try:
            while True:
                number += 1
                found = yield from self._step(call, reply, ToolCall(f"{own}.{number}", self.name, arguments))
                if not isinstance(found, Mapping) or found.keys() != {QUESTION}:
                    return found
                reply = yield from asked(self.server, found[QUESTION])
        finally:
            self.calls.end(call)

    def _step(self, call: Call, reply: Mapping[str, Any] | None, told: ToolCall) -> Generator[Any, Any, Any]:
        """A step of the call as an effect of its own.

        One that must not be repeated is one that journals know as such: the call of a tool. Others are asked of the
        server again, where a run goes on in another process; in a branch, so that progress is heard meanwhile.
        """
        if self.effect == "write":
            step = copy.copy(self)

            async def forward(**_: Any) -> Any:
                return await call.step(reply)

            vars(step)["forward"] = forward
            given: Any = told.arguments
            return (yield CallTool(call=told, tool=step, arguments=dict(given), continues=True))
        yield Begin(key=told.id, branch=Consult(function=call.step, args=(reply,), name=self.name))
        _, outcome = yield FirstDone()
        return outcome.get()

    def signature(self) -> str:
        """The call in Python's words, with what is inside lists and records as the schema says it."""
        return schemas.signature(self.name, self._arguments, self._returns)

    def stub(self, name: str) -> str:
        """The tool as the source of a Python function.

        Args:
            name: The function's name.
        """
        return schemas.stub(name, self.description, self._arguments, self._returns)


class ListResources(ServerTool):
    """What a server has to read.

    Args:
        name: What the tool is called by.
        connection: To the server.
        calls: Those under way there.
        siblings: Gives all tools of the server as they are now.
    """

    inputs: dict[str, dict[str, Any]] = {}
    output_type = "array"
    effect = "read"

    def __init__(self, name: str, connection: Connection, calls: Calls, siblings: Callable[[], list[Tool]]) -> None:
        self.connect(connection, calls, siblings)
        self.name = name
        self.description = f"List what can be read from {self.server}: name, uri, description and type of each."

    async def forward(self) -> list[dict[str, Any]]:
        """List resources, and the templates of those whose uri has a part to fill in."""
        call = Call(self.connection, self.name, lambda client, _: resources_of(client))
        found: list[dict[str, Any]] = await self.calls.once(call)
        return found


class ReadResource(ServerTool):
    """Reading from a server.

    Args:
        name: What the tool is called by.
        connection: To the server.
        calls: Those under way there.
        siblings: Gives all tools of the server as they are now.
    """

    inputs = {"uri": {"type": "string", "description": "Which, by its uri as it was listed."}}
    output_type = "any"
    effect = "read"

    def __init__(self, name: str, connection: Connection, calls: Calls, siblings: Callable[[], list[Tool]]) -> None:
        self.connect(connection, calls, siblings)
        self.name = name
        self.description = f"Read a resource of {self.server}: its text, or a picture or file."

    async def forward(self, uri: str) -> Any:
        """Read a resource."""
        call = Call(self.connection, self.name, lambda client, _: client.read_resource(uri))
        return content.resource_value(await self.calls.once(call))


async def resources_of(client: Any) -> list[dict[str, Any]]:
    """All resources of a server and the templates of such.

    Args:
        client: The SDK's.
    """
    from mcp_types import METHOD_NOT_FOUND

    from core_plus_mcp.connection import pages

    found: list[dict[str, Any]] = []
    lists = (
        ("resources", client.list_resources, "uri"),
        ("resource_templates", client.list_resource_templates, "uri_template"),
    )
    for field, ask, address in lists:
        for one in await _or_none(lambda cursor, ask=ask: ask(cursor=cursor), field, pages, METHOD_NOT_FOUND):
            facts = {"name": one.title or one.name, "uri": getattr(one, address), "description": one.description}
            found.append({**facts, "type": one.mime_type})
    return found


async def _or_none(ask: Any, field: str, pages: Any, missing: int) -> list[Any]:
    """A list, empty where the server doesn't know the method."""
    from mcp import MCPError

    try:
        found: list[Any] = await pages(ask, field)
    except MCPError as error:
        if error.code != missing:
            raise
        return []
    return found


def _effect(annotations: Any) -> Repeating:
    if annotations is None:
        return "write"
    return "read" if annotations.read_only_hint else "idempotent" if annotations.idempotent_hint else "write"


def _unwrapped(schema: Mapping[str, Any] | None) -> tuple[dict[str, Any] | None, bool]:
    """The schema of a value, without the object of one key "result" that SDKs put around what is no object."""
    if schema is None:
        return None, False
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and properties.keys() == {"result"}:
        more = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
        inner = properties["result"]
        return {**(inner if isinstance(inner, Mapping) else {}), **more}, True
    return dict(schema), False


def _renamed(schema: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The schema with Python names for its arguments, as the tool is called by code and by models alike."""
    properties = schema.get("properties") or {}
    told = {"type": "object", **schema, "properties": {python: properties[other] for python, other in names.items()}}
    if schema.get("required"):
        back = {other: python for python, other in names.items()}
        told["required"] = [back[other] for other in schema["required"] if other in back]
    return told
