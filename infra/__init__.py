"""The outside world behind small protocols: files, keys, decisions, budgets, registries and settings."""
