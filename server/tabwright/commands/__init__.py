"""The commands of `tabwright`, one file each."""
