"""A stand-in until secrets are masked."""


def mask_secrets(text: str) -> str:
    """Return the text as it is."""
    return text
