"""What the program knows about source text as a language; the sole importer of tree_sitter.

Languages are data: one folder each under `grammars/`, see `grammars/README.md`.
"""
