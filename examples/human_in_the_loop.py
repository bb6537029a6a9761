"""A tool that a person must allow. With nobody there to ask, the run holds still until there is an answer."""

from core_plus import Ask, CodeAgent, Host, Run, hookimpl, tool
from core_plus.effects import CallTool, Effect


@tool
def send_mail(to: str, text: str) -> str:
    """Send a mail.

    Args:
        to: The address.
        text: What to write.
    """
    return f"sent to {to}"


class Approval:
    """A plugin: whatever calls a tool that writes, code or the model, a person is asked before."""

    @hookimpl
    def review_effect(self, run: Run, effect: Effect) -> Ask | None:
        """Ask before a tool does what can't be undone."""
        if isinstance(effect, CallTool) and effect.tool.effect == "write":
            return Ask(f"May the agent call {effect.call.name} with {effect.call.arguments}?")
        return None


with Host(plugins=[Approval()]) as host:
    agent = CodeAgent(host=host, tools=[send_mail])
    result = agent.run("Tell bob@example.org that the meeting is at ten.")
    while result.state == "suspended":  # ui="rich" would ask at the terminal by itself
        print(result.questions[0].text)
        result = agent.resume(result, input("yes or no? "))
    print(result.output)
