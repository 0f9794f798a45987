"""Measurements of what the documentation claims; ``make bench`` runs them all."""
