"""The offline HTML page: its document, and what the browser gets."""
