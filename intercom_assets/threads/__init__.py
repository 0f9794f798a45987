"""Work side by side, whatever it is. Imports nothing else of this package."""
