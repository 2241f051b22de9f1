"""What data must be: contracts of raw tables and gates of released ones."""
