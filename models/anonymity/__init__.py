"""Anonymity: pseudonyms, generalisation, text, k-anonymity and the policy that applies them."""
