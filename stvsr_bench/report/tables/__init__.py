"""Numbers in rows and columns: tables as data, and each format that they are written in."""
