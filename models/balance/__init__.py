"""The balance of utility, risk and compliance: objectives, search, front and choice."""
