"""One self-contained HTML page from a scores file or a search run."""
