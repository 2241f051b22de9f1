"""Mathematics: takes values, returns values; knows no orchestrator, no storage, no environment."""
