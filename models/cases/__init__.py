"""Use cases: one file each, and the catalog that lists them."""
