"""The store of installed packs, and models of other programs."""
