"""The terminal itself: input, frames, clipboard, notifications, and its end."""
