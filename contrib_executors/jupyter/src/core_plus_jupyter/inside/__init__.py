"""The kernel's half: sent as text and run there, so that nothing need be installed beside the kernel itself.

`channel` and `loops` take the places of the worker's modules of these names; the rest of the worker comes along.
"""
