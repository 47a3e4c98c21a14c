"""Code completion from small specialised models, entirely on the user's own machine."""

__version__ = "0.1.0"
