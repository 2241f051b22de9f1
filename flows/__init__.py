"""The table of contents: one file, one flow, one promise."""
