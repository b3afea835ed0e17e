"""The session between a person, the store and a model; it knows no widgets."""
