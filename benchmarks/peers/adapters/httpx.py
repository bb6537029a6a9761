"""Floor: the same calls through the HTTP client that most would take."""

import json

import httpx

import tools

PACKAGES = ["httpx"]
IMPORT = "import httpx"
SHARED = True
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)


def model(url, script, is_async=False):
    kind = httpx.AsyncClient if is_async else httpx.Client
    return kind(base_url=url, timeout=600, limits=LIMITS), script


def agent(model, add, steps):
    return model


code_agent = agent


def advance(messages, reply):
    message = reply["choices"][0]["message"]
    messages.append(message)
    calls = message.get("tool_calls")
    for call in calls or ():
        result = tools.add(**json.loads(call["function"]["arguments"]))
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": str(result)})
    text = message["content"]
    if calls:
        return None
    if "<code>" in text and "final_answer" not in text:
        messages.append({"role": "user", "content": "Observation: 1"})
        return None
    return text


def body(script, messages, **more):
    return {"model": script, "messages": messages, "tools": [tools.SCHEMA], **more}


def run(agent, prompt):
    client, script = agent
    messages = [{"role": "user", "content": prompt}]
    while True:
        reply = client.post("chat/completions", json=body(script, messages)).json()
        if (text := advance(messages, reply)) is not None:
            return text


async def arun(agent, prompt):
    client, script = agent
    messages = [{"role": "user", "content": prompt}]
    while True:
        reply = (await client.post("chat/completions", json=body(script, messages))).json()
        if (text := advance(messages, reply)) is not None:
            return text


def stream(agent, prompt):
    client, script = agent
    content = body(script, [{"role": "user", "content": prompt}], stream=True)
    with client.stream("POST", "chat/completions", json=content) as response:
        for line in response.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                choices = json.loads(line[6:])["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    yield text
