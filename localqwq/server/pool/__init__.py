"""The models behind one server: what they are called, and which of them are in memory."""
