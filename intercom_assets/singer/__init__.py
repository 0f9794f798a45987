"""The streams as a Singer tap."""
