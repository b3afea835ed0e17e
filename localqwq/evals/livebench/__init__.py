"""LiveBench's questions, as far as their answers can be judged here; not verified against it."""
