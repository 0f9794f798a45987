"""SQL's identifiers and texts."""


def quote(name: str) -> str:
    """A name as an identifier, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as a literal."""
    return "'" + value.replace("'", "''") + "'"
