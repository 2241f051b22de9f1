"""Profiling of a user's own tables: from samples and counts to a proposed spec. No customer's value comes out."""
