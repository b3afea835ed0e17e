"""llama.cpp's objects: library, model, context, sampler chain, detokenizer."""
