"""The engine; the only room that imports llama_cpp."""
