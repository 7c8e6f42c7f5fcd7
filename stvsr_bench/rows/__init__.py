"""What a run leaves on disk: its rows, their identity, merging and judging them."""
