"""What people ask of Intercom's data: relations (views of the lists inside records), and models.

Knows nothing of streams and of how tables come into being: it is given a DuckDB connection in which
they are, and their names.
"""
