"""What a materialization shows: numbers, columns, lineage, a look inside."""
