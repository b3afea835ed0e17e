"""The server as a child process: started, watched, started again with less."""
