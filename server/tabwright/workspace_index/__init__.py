"""What the files of a workspace define, import and mention; and how their lines go on."""
