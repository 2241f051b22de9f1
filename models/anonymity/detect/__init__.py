"""Detection of personal data in text: structured identifiers by rules, names and addresses by a small tagger.

Pure Python and numpy on lists and Arrow arrays; no engine, no state, nothing learned from a shop's data.
"""
