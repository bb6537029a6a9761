"""What runs beside the agent's code: the standard library only, any Python from 3.8 on.

`core_plus_worker.source` sends these modules as one text; the host itself uses `values`, `foreign` and `frames`,
which speak the same language at both ends.
"""
