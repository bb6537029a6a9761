"""A server of the tests, written with the SDK: `useful.py` speaks over stdio, `useful.py http PORT` over HTTP."""

import asyncio
import base64
import json
import os
import sys
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

import mcp_types as types
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp.server.mcpserver.utilities.types import Audio, Image
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

server = MCPServer("useful", instructions="Small things that tests need.", log_level="ERROR")
READ = types.ToolAnnotations(read_only_hint=True)
SAME = types.ToolAnnotations(idempotent_hint=True)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "5a0a2db40000000049454e44ae426082"
)


class Weather(TypedDict):
    city: str
    degrees: float


class Size(BaseModel):
    size: Literal["small", "large"]
    number: int = Field(default=1, ge=1, le=9)


@server.tool(annotations=READ)
def add(a: Annotated[int, Field(description="The first.")], b: int = 2) -> int:
    """Add two numbers."""
    return a + b


@server.tool(annotations=SAME)
def weather(city: str) -> Weather:
    """The weather of a city."""
    return {"city": city, "degrees": 21.5}


@server.tool()
def fail(why: str) -> str:
    """Fail."""
    raise ToolError(why)


@server.tool()
def picture() -> list[str | Image | Audio]:
    """A picture and a sound."""
    return ["look", Image(data=PIXEL, format="png"), Audio(data=b"RIFF", format="wav")]


@server.tool(structured_output=False)
def linked() -> list[types.ContentBlock]:
    """A link and an embedded file."""
    contents = types.BlobResourceContents(uri="file:///a/b.pdf", blob="JVBERg==", mime_type="application/pdf")
    return [
        types.ResourceLink(type="resource_link", name="notes", uri="note://one", description="what was noted"),
        types.EmbeddedResource(type="resource", resource=contents),
    ]


@server.tool()
async def sleep(seconds: float) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return "rested"


@server.tool()
async def count(to: int, ctx: Context, pause: float = 0.0) -> str:
    """Count, and say how far it is."""
    for n in range(1, to + 1):
        await ctx.report_progress(n, to, f"at {n}")
        await asyncio.sleep(pause)
    return "counted"


async def which_size() -> Elicit[Size]:
    return Elicit("Which size?", Size)


@server.tool()
async def order(size: Annotated[Size, Resolve(which_size)]) -> str:
    """Order a shirt."""
    return f"{size.number} {size.size}"


@server.tool()
def wait() -> None:
    """Give nothing."""


@server.tool()
def environment(name: str) -> str:
    """A variable of the environment."""
    return os.environ.get(name, "")


@server.tool()
def process() -> int:
    """The number of the server's process."""
    return os.getpid()


@server.tool()
def end(status: int) -> str:
    """End the server at once."""
    print("I was told to end", file=sys.stderr, flush=True)
    os._exit(status)


@server.tool()
def large(bytes: int) -> str:
    """A long text."""
    return "x" * bytes


@server.tool()
async def learn(name: str, ctx: Context) -> str:
    """Have one more tool from now on."""
    server.add_tool(lambda: f"{name} does it", name=name, description=f"What was learnt as {name}.")
    await ctx.notify_tools_changed()
    await ctx.session.send_tool_list_changed()
    return "learnt"


@server.resource("note://one", name="one", description="A note.", mime_type="text/plain")
def note() -> str:
    return "buy milk"


@server.resource("note://pixel", name="pixel", mime_type="image/png")
def pixel() -> bytes:
    return PIXEL


@server.resource("number://{number}", name="numbers")
def number(number: str) -> str:
    return f"the number {number}"


@server.prompt(description="Greets somebody.")
def greet(who: str) -> str:
    return f"Say hello to {who}."


def with_oauth(inner, base):
    """The same behind OAuth: its own authorization server, where whoever comes to the page is let in."""
    issued = {"code": "a-code-for-tests", "token": "a-token-for-tests"}

    async def app(scope, receive, send):
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        path, headers = scope["path"], dict(scope["headers"])
        if path.startswith("/.well-known/oauth-protected-resource"):
            await answer(send, 200, {"resource": f"{base}/mcp", "authorization_servers": [base]})
        elif path.startswith("/.well-known/oauth-authorization-server"):
            places = {f"{one}_endpoint": f"{base}/{one}" for one in ("authorization", "token", "registration")}
            methods = ["none", "client_secret_basic", "client_secret_post"]
            more = {"response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"]}
            more["token_endpoint_auth_methods_supported"] = methods
            await answer(send, 200, {"issuer": base, **places, **more})
        elif path == "/registration":
            facts = json.loads((await receive())["body"])
            await answer(send, 201, {**facts, "client_id": "registered", "token_endpoint_auth_method": "none"})
        elif path == "/authorization":
            wish = dict(parse_qsl(scope["query_string"].decode()))
            there = f"{wish['redirect_uri']}?{urlencode({'code': issued['code'], 'state': wish['state']})}"
            await answer(send, 302, {}, [(b"location", there.encode())])
        elif path == "/token":
            form = dict(parse_qsl((await receive())["body"].decode()))
            basic = base64.b64decode(headers.get(b"authorization", b"Basic ")[6:]).decode()
            program = form["grant_type"] == "client_credentials" and basic == "program:word-of-program"
            person = form.get("code") == issued["code"] and "code_verifier" in form
            token = {"access_token": issued["token"], "token_type": "Bearer", "expires_in": 3600}
            await answer(
                send, 200 if program or person else 401, token if program or person else {"error": "invalid_client"}
            )
        elif headers.get(b"authorization") == f"Bearer {issued['token']}".encode():
            await inner(scope, receive, send)
        else:
            where = f'Bearer resource_metadata="{base}/.well-known/oauth-protected-resource/mcp"'
            await answer(send, 401, {}, [(b"www-authenticate", where.encode())])

    return app


async def answer(send, status, body, headers=()):
    headers = [(b"content-type", b"application/json"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        import uvicorn

        app = server.streamable_http_app(stateless_http="stateless" in sys.argv, json_response="json" in sys.argv)
        if "oauth" in sys.argv:
            app = with_oauth(app, f"http://127.0.0.1:{sys.argv[2]}")
        if "token" in sys.argv:
            inner = app

            async def app(scope, receive, send):
                if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != b"Bearer sesame-open":
                    await send({"type": "http.response.start", "status": 401, "headers": []})
                    await send({"type": "http.response.body", "body": b"who are you?"})
                    return
                await inner(scope, receive, send)

        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
    elif sys.argv[1:2] == ["sse"]:
        import uvicorn

        uvicorn.run(server.sse_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
    else:
        server.run("stdio")
