"""Kinds of warehouses: what differs from one to the other, a file each."""
