"""Where a function of the host gives an awaitable, and where its value."""

import ast

import pytest

from core_plus_worker.inside.rewrite import LATER, keep_last, let_stops_pass, mark_awaited

MARKED = {
    "await t(1)": "t",
    "await a.b(1)": "a.b",
    "t(1)": "",
    "x = t(1)": "",
    "async def f(): return t(1)": "",
    "async def f(): return await t(1)": "t",
    "asyncio.run(t(1))": "t",
    "subprocess.run(t(1))": "",
    "asyncio.gather(t(1), u(2))": "t u",
    "gather(t(1))": "t",
    "asyncio.gather(*[t(i) for i in x])": "t",
    "asyncio.gather(*(t(i) for i in x), return_exceptions=True)": "t",
    "asyncio.gather(*map(t, x))": "t",
    "asyncio.gather(*list(map(t, x)))": "t",
    "asyncio.gather(*[t(i) if i else u(i) for i in x])": "t u",
    "asyncio.gather(f(t(1)))": "f",
    "await f(t(1))": "f",
    "await asyncio.wait_for(t(1), timeout=u(2))": "t u",
    "group.create_task(t(1), name=u())": "t u",
    "asyncio.to_thread(t, 1)": "",
    "pool.submit(t, 1)": "",
    "ts = [t(1), u(2)]\nawait asyncio.gather(*ts)": "t u",
    "ts = []\nts.append(t(1))\nawait asyncio.gather(*ts)": "t",
    "ts = {}\nts['a'] = t(1)\nawait asyncio.gather(*ts.values())": "t",
    "ts = {k: t(k) for k in x}\nfor k, v in ts.items(): await v": "t",
    "ts = dict(a=1)\nts = [t(1)]\nfor one in ts: await one": "t",
    "a, b = t(1), u(2)\nawait a": "t",
    "a = t(1)\nb = a\nawait b": "t",
    "a = b = t(1)\nawait a": "t",
    "ts = [t(1)]\nts += [u(2)]\nawait asyncio.gather(*ts)": "t u",
    "rs = [t(i) for i in x]\nprint(rs)": "",
    "r = t(1)\nprint(r)\nr = u(2)\nawait r": "u",
    "if a:\n    r = t(1)\nelse:\n    r = u(2)\nawait r": "t u",
    "r = t(1)\nif a:\n    r = u(2)\nawait r": "t u",
    "for i in x:\n    r = t(i)\n    await r": "t",
    "def f(): r = t(1)\nasync def g():\n    r = u(2)\n    await r": "u",
    "async def g():\n    [await c for c in asyncio.as_completed([t(i) for i in x])]": "t",
    "await (a or t(1))": "t",
    "await (y := t(1))": "t",
    "x = [lambda: t(1)]": "",
    "async with asyncio.TaskGroup() as g:\n    g.create_task(t(1))": "t",
    "ts = [t(1)]\nts.pop()\nawait ts.pop()": "t",
    "await db.pop(1)": "db.pop",
    "asyncio.gather(db.query(1), db.items())": "db.items db.query",
    "(await t(1)).strip()": "t",
    "await t(await u(1))": "t u",
}


@pytest.mark.parametrize("code", MARKED)
def test_a_call_gives_an_awaitable_where_one_is_wanted(code):
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(code, "<code>", "exec", flags)
    mark_awaited(tree)
    found = [
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == LATER
    ]
    assert sorted(found) == MARKED[code].split()
    compile(tree, "<code>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_same_call_is_marked_once():
    tree = ast.parse("asyncio.run(asyncio.gather(t(1)))\nx = asyncio.create_task(t(2))\nasyncio.gather(x, x)")
    mark_awaited(tree)
    assert ast.unparse(tree).count(LATER) == 2


def test_lines_stay_where_they_are():
    code = "try:\n    await t(1)\nexcept:\n    pass\nx"
    tree = compile(code, "<code>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    keep_last(tree)
    let_stops_pass(tree)
    mark_awaited(tree)
    assert [node.lineno for node in tree.body] == [1, 5]
    assert all(hasattr(node, "lineno") for node in ast.walk(tree) if isinstance(node, (ast.expr, ast.stmt)))


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("", True),
        (" BaseException", True),
        (" (ValueError, BaseException) as e", True),
        (" Exception", False),
        (" a.B", False),
    ],
)
def test_handlers_that_catch_all_let_stops_pass(kind, changed):
    tree = ast.parse(f"try:\n    x\nexcept{kind}:\n    y")
    let_stops_pass(tree)
    handler = tree.body[0].handlers[0]  # type: ignore[attr-defined]
    assert (len(handler.body) == 2) is changed
