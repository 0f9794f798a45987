"""Streams that nobody has: what `test_declarations` adds to a copy of the package.

`stream.py`, `sandbox.py` and the schemas go to where CONTRIBUTING has a new stream put them, and
`check.py` is what then holds.
"""
