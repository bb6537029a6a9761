"""The commands of `core-plus`: run, chat, exec, demo, keys, models, plugins, doctor.

Each is a plugin of its own in `core_plus_cli.commands`, so that looking one up imports no other.
"""
