"""Model packs: their manifest and the store they live in."""
