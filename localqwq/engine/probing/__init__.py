"""What this machine does with a model, found out in processes of their own and kept."""
