"""`core-plus runs`: the runs that were kept: look at them, go on with them, repeat them, go another way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core_plus.hookspecs import hookimpl
from core_plus_cli.command import ANSWERED, WRONG_USAGE, as_json, command, say

if TYPE_CHECKING:
    from argparse import Namespace

    from core_plus.hookspecs import Register
    from core_plus.host import Host
    from core_plus_cli.parsing import Parser

EXAMPLES = """
  core-plus runs                              those that are kept, the newest first
  core-plus runs show last                    what one of them did
  core-plus runs resume 3f2a                  go on with one that was killed, interrupted or failed
  core-plus runs answer 3f2a yes              answer what one waits for, and go on
  core-plus runs answer 3f2a '{"it happened": "paid"}'
  core-plus runs fork 3f2a --at-step 3 --task "Use the other file"
  core-plus runs replay 3f2a                  see it again: no model is asked, nothing is done
  core-plus runs export 3f2a --strike 'sk-\\w+' > run.jsonl
  core-plus runs import run.jsonl

RUN is the beginning of an id, or "last". Options of `core-plus run` may follow after `--`.
"""


@hookimpl
def register_commands(register: Register) -> None:
    """Declare `runs`."""
    register("runs", main, summary="kept runs: look at them, go on with them, repeat them")


@command
def main(arguments: list[str], host: Host) -> int:
    """Look after kept runs.

    Args:
        arguments: What stands after `runs`.
        host: Where plugins come from.

    Returns:
        The exit status.
    """
    own, _, more = _parted(arguments)
    if not own or (own[0].startswith("-") and own[0] not in ("-h", "--help")):
        own = ["list", *own]
    options = _parser().parse_args(own)
    if options.what not in _DO:
        say(f"core-plus runs: there is no {options.what!r}: there are {', '.join(_DO)}")
        return WRONG_USAGE
    options.more = more

    from core_plus.errors import JournalError
    from core_plus_cli import journals

    journal = journals.journal(options.journal, host)
    try:
        if options.what not in ("list", "import"):
            if options.run is None:
                say(f"core-plus runs {options.what}: which run? Give the beginning of its id, or last")
                return WRONG_USAGE
            options.run = journals.found(journal, options.run)
        return _DO[options.what](options, journal, host)
    except JournalError as error:
        say(f"core-plus runs {options.what}: {error}")
        return 1


def _parted(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    if "--" not in arguments:
        return arguments, "", []
    place = arguments.index("--")
    return arguments[:place], "--", arguments[place + 1 :]


def _parser() -> Parser:
    from core_plus_cli.parsing import Parser

    parser = Parser("runs", "Look at kept runs, go on with them, repeat them, go another way.", EXAMPLES)
    add = parser.add_argument
    add("what", metavar="WHAT", help="list, show, resume, answer, fork, replay, export, import or delete")
    add("run", nargs="?", metavar="RUN", help="which run; for import: the file")
    add("answer", nargs="?", metavar="ANSWER", help="to what the run waits for: words, or a JSON object")
    add("--journal", metavar="FILE", help="where runs are kept (else CORE_PLUS_JOURNAL, else a file of the user's)")
    add("--at-step", type=int, metavar="N", help="fork: the step that is done anew")
    add("--task", metavar="TEXT", help="fork: what you say before that step")
    add("--prompt", metavar="TEXT", help="fork: other instructions")
    add("--unknown", default="ask", metavar="WORD", help="resume: about effects whose outcome nobody knows (ask)")
    add("--changed", action="store_true", help="resume: also with other plugins or tools than it began with")
    add("--strike", action="append", default=[], metavar="REGEX", help="export: texts to strike out; again for more")
    group = parser.add_mutually_exclusive_group().add_argument
    group("-q", "--quiet", action="store_const", dest="level", const="quiet", default="normal", help="only the answer")
    group("-v", "--verbose", action="store_const", dest="level", const="debug", help="everything, whole")
    group("--json", action="store_true", help="as JSON")
    return parser


def _list(options: Namespace, journal: Any, host: Host) -> int:
    summaries = journal.runs()
    if options.json:
        print(as_json(summaries))
        return ANSWERED
    for one in summaries:
        task = " ".join(one.task.split())
        when = one.began[:16].replace("T", " ")
        more = f"  (from {one.forked[0]}, step {one.forked[1]})" if one.forked else ""
        print(f"{one.id:<18} {when}  {one.state:<11} {task[:60]}{more}")
    if not summaries:
        say("no runs are kept yet: `core-plus run TASK` keeps them")
    return ANSWERED


def _show(options: Namespace, journal: Any, host: Host) -> int:
    lines = journal.story(options.run)
    (summary,) = [one for one in journal.runs() if one.id == options.run]
    if options.json:
        print(as_json({"run": summary, "lines": lines}))
        return ANSWERED
    from core_plus_cli.telling import tell

    tell(summary, lines, whole=options.level == "debug")
    return ANSWERED


def _resume(options: Namespace, journal: Any, host: Host) -> int:
    from core_plus_cli.telling import answer_of

    given = {"answer": answer_of(options.answer)} if options.what == "answer" else {}
    if options.what == "answer" and options.answer is None:
        say("core-plus runs answer: what is the answer? Give words after the run, or a JSON object")
        return WRONG_USAGE

    def reopen(agent: Any, **fresh: Any) -> Any:
        return journal.reopen(agent, options.run, unknown=options.unknown, changed=options.changed, **given, **fresh)

    return _driven(options, journal, host, reopen)


def _fork(options: Namespace, journal: Any, host: Host) -> int:
    if options.at_step is None:
        say("core-plus runs fork: from which step? Give --at-step N")
        return WRONG_USAGE

    def forked(agent: Any, **fresh: Any) -> Any:
        from core_plus_cli.telling import answer_of

        answer = answer_of(options.answer)
        run = journal.fork(
            agent,
            options.run,
            at_step=options.at_step,
            task=options.task,
            prompt=options.prompt,
            answer=answer,
            **fresh,
        )
        say(f"the new run is {run.id}")
        return run

    return _driven(options, journal, host, forked)


def _replay(options: Namespace, journal: Any, host: Host) -> int:
    return _driven(options, journal, host, lambda agent, **fresh: journal.replay(agent, options.run, **fresh))


def _driven(options: Namespace, journal: Any, host: Host, begin: Callable[..., Any]) -> int:
    """Build the agent as it was built, and have the run shown."""
    from core_plus_cli import journals
    from core_plus_cli.commands.run import go_on

    arguments = [*journals.command_line(journal, options.run), *options.more]
    return go_on(arguments, options, host, begin)


def _export(options: Namespace, journal: Any, host: Host) -> int:
    import sys

    for line in journal.export(options.run, options.strike):
        sys.stdout.buffer.write(line + b"\n")
    return ANSWERED


def _import(options: Namespace, journal: Any, host: Host) -> int:
    import sys
    from pathlib import Path

    if options.run in (None, "-"):
        lines, source = sys.stdin.buffer.read().splitlines(), "standard input"
    else:
        try:
            lines, source = Path(options.run).read_bytes().splitlines(), options.run
        except OSError as error:
            say(f"core-plus runs import: {options.run}: {error.strerror}")
            return WRONG_USAGE
    for run_id in journal.take(lines, source):
        print(run_id)
    return ANSWERED


def _delete(options: Namespace, journal: Any, host: Host) -> int:
    journal.delete(options.run)
    return ANSWERED


_DO: dict[str, Callable[[Any, Any, Any], int]] = {
    "list": _list,
    "show": _show,
    "resume": _resume,
    "answer": _resume,
    "fork": _fork,
    "replay": _replay,
    "export": _export,
    "import": _import,
    "delete": _delete,
}
