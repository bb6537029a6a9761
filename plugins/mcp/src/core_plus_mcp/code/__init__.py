"""Code mode: a server's tools as a module that an agent's code imports."""
