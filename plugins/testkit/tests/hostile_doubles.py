"""Executors without any wall, to show that the kits see what gets through."""

import ast
import contextlib
import io

from core_plus.errors import ExecutorError
from core_plus.executors import CodeError, CodeRequest, Done, Paused


class BareSession:
    def __init__(self, setup):
        self.names = dict(setup.variables)

    def start(self, code):
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed, value, error = io.StringIO(), None, None
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(tree, "<code>", "exec"), self.names)
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), "<code>", "eval"), self.names)
        except Exception as raised:
            error = CodeError(type(raised).__name__, str(raised))
        return Done(value, stdout=printed.getvalue(), error=error, has_value=last is not None)

    def resume(self, answers):
        raise AssertionError("nothing is ever asked")

    def interrupt(self):
        pass

    def close(self):
        pass


class Bare:
    """Runs code in the host itself."""

    name, is_sandbox, imports = "bare", False, None

    def open(self, setup):
        return BareSession(setup)

    def close(self):
        pass


class ForgingSession(BareSession):
    def start(self, code):
        return Done(42) if code == "6 * 7" else Paused((CodeRequest(1, "delete_everything"),))

    def resume(self, answers):
        return Done(None)


class Forging(Bare):
    """Lets a call through that nobody offered."""

    def open(self, setup):
        return ForgingSession(setup)


class Raising(Bare):
    """Its sessions raise what no host expects."""

    def open(self, setup):
        session = BareSession(setup)
        session.start = lambda code: 1 / 0
        return session


class Closed(Bare):
    def open(self, setup):
        raise ExecutorError("the kernel is too old: take another machine")


class WithoutMemory(Bare):
    """Can't hold a memory limit, and says so."""

    def open(self, setup):
        if setup.limits.memory is not None:
            raise ExecutorError("can't hold limits.memory")
        return BareSession(setup)


class Forgetful(Bare):
    """Starts each snippet with no variable of the one before, and prints a space too much."""

    def open(self, setup):
        session = BareSession(setup)
        start = session.start

        def anew(code):
            session.names.clear()
            return start(code.replace("print(", "print('', "))

        session.start = anew
        return session
