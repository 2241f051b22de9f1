"""Search: which generalisation of a published table keeps its criteria at the least loss."""
