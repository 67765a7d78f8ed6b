"""Otto Group Product Classification Challenge: which of nine lines a product belongs to."""
