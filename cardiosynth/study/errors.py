"""The one exception that a user is meant to read."""


class InputError(ValueError):
    """Bad input: one sentence saying which file or key, which value, what was expected and what to do."""
