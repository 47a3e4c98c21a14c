"""The editor's language: the only package that knows the Language Server Protocol."""
