"""The server as a child process: started, watched, restarted with less."""
