"""The models of this machine: which ones exist, what a name means, and how each is loaded."""
