"""Model packs: their manifest and the store they are installed in."""
