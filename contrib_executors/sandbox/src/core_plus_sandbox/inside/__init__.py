"""What runs in the pre-fork parent and in the sandboxes: standard library only, sent there as code.

The host imports none of it to run it, except the tables and the assembler where tests look at them.
"""
