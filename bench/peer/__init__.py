"""Our server beside llama-server: the same model, the same requests, taking turns."""
