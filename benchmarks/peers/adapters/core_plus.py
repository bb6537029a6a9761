"""Ours, with the settings that a person gets who sets none: plugins are looked for, chat completions by our codec."""

from core_plus import CodeAgent, ToolCallingAgent, tool
from core_plus.events import ModelDelta
from core_plus.models import TextDelta
from core_plus_openai import OpenAIModel

PACKAGES = [
    "./core",
    "./contrib_models/http",
    "./contrib_models/openai",
    "./contrib_executors/worker",
    "./contrib_executors/subprocess",
]
IMPORT = "from core_plus import CodeAgent, ToolCallingAgent, tool; from core_plus_openai import OpenAIModel"
SHARED = True


def model(url, script, is_async=False):
    return OpenAIModel(script, base_url=url, api_key="x", timeout=600)


def agent(model, add, steps):
    return ToolCallingAgent(model=model, tools=[shared(add)], max_steps=steps + 2)


def code_agent(model, add, steps):
    return CodeAgent(model=model, tools=[shared(add)], max_steps=steps + 2, executor="subprocess")


def shared(add, made={}):  # noqa: B006  # one tool for each function, as anyone would have at module level
    if add not in made:
        made[add] = tool(name="add")(add)
    return made[add]


def run(agent, prompt):
    return agent.run(prompt).output


async def arun(agent, prompt):
    return (await agent.arun(prompt)).output


def stream(agent, prompt):
    for event in agent.stream(prompt):
        if isinstance(event, ModelDelta) and isinstance(event.delta, TextDelta):
            yield event.delta.text
