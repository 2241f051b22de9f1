"""The frozen values that everyone shares."""
