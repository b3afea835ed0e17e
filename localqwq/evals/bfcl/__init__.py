"""The Berkeley Function Calling Leaderboard's problems of one turn."""
