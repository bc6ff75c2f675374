"""Result files, figures, tables and the page."""
