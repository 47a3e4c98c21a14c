"""`python -m tabwright` is the `tabwright` command."""

from tabwright.main import main

main()
