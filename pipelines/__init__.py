"""From a competition's name to a scored Kaggle submission, one module per step."""
