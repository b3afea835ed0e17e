"""The models of this machine: which there are, what a name means, and how each is loaded here."""
