"""kaggle."""
