"""The dossier: what a person reads before a model is used."""
