"""Gates: what a released table must be, as Great Expectations on the published bytes."""
