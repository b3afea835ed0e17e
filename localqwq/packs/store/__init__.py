"""The store of installed packs, and what other programs have."""
