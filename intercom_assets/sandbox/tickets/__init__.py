"""Tickets: their types with attributes, their states, the tickets themselves, and their parts."""
