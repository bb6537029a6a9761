"""What `doctor` looks at: plugins, executors, providers, settings."""

from __future__ import annotations

import os
import platform
import textwrap
import urllib.request
from urllib.parse import urlsplit

import msgspec

from core_plus.errors import ConfigurationError, PluginError
from core_plus.host import Host
from core_plus_cli import choosing, credentials, places, storage

WIDTH = 100
"""Columns that a list may take."""


class ProviderFacts(msgspec.Struct):
    """A provider of models.

    Args:
        name: What people write.
        key: Where its key comes from, "" if there is none. Some need none.
        lacks: What has to be set before it can be asked, "" if nothing; None if it can't say.
    """

    name: str
    key: str = ""
    lacks: str | None = None


class Checkup(msgspec.Struct):
    """What was found.

    Args:
        python: Its version and where it runs.
        distributions: Versions, by name.
        executors: Where code may run.
        chosen_executor: The sandbox that code runs in where none is named, "" if there is none.
        providers: Where models come from.
        model: The model that is used where none is named, "" if none is set.
        proxies: Hosts that requests go through, by scheme.
        problems: What is wrong, and the way out.
    """

    python: str
    distributions: dict[str, str]
    executors: list[places.ExecutorFacts]
    chosen_executor: str
    providers: list[ProviderFacts]
    model: str
    proxies: dict[str, str]
    problems: list[str]


def examine(host: Host) -> Checkup:
    """Load everything and look at it; nothing is sent anywhere.

    Args:
        host: Where plugins come from.
    """
    problems = _load_all(host)
    executors = [places.facts(name, host) for name in host.names("executor")]
    try:
        best = places.best(host)
        chosen = next((each.name for each in executors if each.can_run and host.executor(each.name) is best), "")
    except PluginError as error:
        problems.append(str(error))
        chosen = ""
    providers = _providers(host, problems)
    if not providers:
        problems.append("no provider of models is installed; core-plus-openai brings one")
    return Checkup(
        python=f"{platform.python_version()} on {platform.platform(terse=True)}",
        distributions={plugin.distribution: plugin.version for plugin in host.plugins},
        executors=executors,
        chosen_executor=chosen,
        providers=providers,
        model=_model(host, problems),
        proxies={scheme: _without_secrets(url) for scheme, url in urllib.request.getproxies().items()},
        problems=problems,
    )


def _load_all(host: Host) -> list[str]:
    """Load every plugin; what is broken, and which names several offer."""
    problems = dict[str, None]()
    for plugin in host.plugins:
        if plugin.status == "found":
            try:
                host.find(plugin.kind, plugin.name)
            except PluginError as error:
                problems[str(error)] = None
    for plugin in host.plugins:
        told = any(plugin.id in problem for problem in problems)
        if plugin.status == "broken" and not told:
            problems[f"{plugin.id} {plugin.version} is broken: {plugin.why}"] = None
    return [*problems]


def _providers(host: Host, problems: list[str]) -> list[ProviderFacts]:
    """What each provider has to be asked with. A kept key counts, and stays where it is: that there is one will do."""
    keys = _keys(host, problems)
    standing_in = {
        credentials.variable_of(name): "kept"
        for name, key in keys.items()
        if key and credentials.variable_of(name) not in os.environ
    }
    os.environ.update(standing_in)
    try:
        return [ProviderFacts(name, key, _lack(name, host)) for name, key in keys.items()]
    finally:
        for variable in standing_in:
            del os.environ[variable]


def _lack(name: str, host: Host) -> str | None:
    try:
        missing = getattr(host.find("model", name).factory, "missing", None)
    except PluginError:  # told already
        return None
    return None if missing is None else str(missing())


def _keys(host: Host, problems: list[str]) -> dict[str, str]:
    """Where the key of each provider comes from."""
    try:
        kept = credentials.kept()
    except ConfigurationError as error:
        problems.append(str(error))
        kept = {}
    if storage.open_to_others(credentials.path()):
        problems.append(f"other users of this machine may read the keys: chmod 600 {credentials.path()}")
    found = {}
    for name in host.names("model"):
        variable = credentials.variable_of(name)
        entry = kept.get(name)
        found[name] = f"environment ({variable})" if os.environ.get(variable) else entry.where if entry else ""
    return found


def _model(host: Host, problems: list[str]) -> str:
    try:
        ref = choosing.model_ref(None)
        if ref is not None:
            host.find("model", choosing.split(ref, host)[0])
    except ConfigurationError as error:
        problems.append(f"the default model: {error}")
        return ""
    return ref or ""


def _without_secrets(url: str) -> str:
    parts = urlsplit(url if "//" in url else f"//{url}")
    return f"{parts.hostname or '?'}{f':{parts.port}' if parts.port else ''}"


def in_words(found: Checkup) -> str:
    """What was found, for a person.

    Args:
        found: By `examine`.
    """
    lines = [f"Python {found.python}", "", "distributions"]
    lines += [f"  {name:<24} {version}" for name, version in found.distributions.items()]
    lines += ["", "executors"]
    width = max([24, *(len(executor.name) for executor in found.executors)])
    for executor in found.executors:
        auto = "  (auto)" if executor.name == found.chosen_executor else ""
        lines.append(f"  {executor.name:<{width}} {_wall(executor)}{auto}")
    lines += ["", "models"]
    lines += [f"  {provider.name + ':':<24} {_ready(provider)}" for provider in found.providers if _ready(provider)]
    lines += _listed("lacking", [f"{each.name} ({each.lacks})" for each in found.providers if each.lacks])
    silent = [each.name for each in found.providers if not each.key and each.lacks is None]
    lines += _listed("without a key", silent)
    lines.append(f"  {'default':<24} {found.model or 'none'}")
    if found.proxies:
        lines += ["", "proxies", *(f"  {scheme:<24} {host}" for scheme, host in found.proxies.items())]
    lines += ["", *(f"PROBLEM  {problem}" for problem in found.problems)]
    return "\n".join([*lines, "" if found.problems else "Nothing is wrong."]).rstrip()


def _ready(provider: ProviderFacts) -> str:
    """How a provider can be asked, "" if it can't be, or can't say."""
    if provider.lacks:
        return ""
    return provider.key or ("nothing is lacking" if provider.lacks == "" else "")


def _listed(what: str, names: list[str]) -> list[str]:
    first, then = f"  {what:<24} ", " " * 27
    text = ", ".join(names)
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)


def _wall(executor: places.ExecutorFacts) -> str:
    if executor.lacks:
        return f"can't run here: {executor.lacks}"
    if not executor.is_sandbox:
        return "NO sandbox: code can do what you can; only with --unsafe"
    words = [f"a sandbox: {', '.join(executor.walls)}" if executor.walls else "a sandbox"]
    return "; ".join([*words, "only by name"] if executor.by_name else words)
