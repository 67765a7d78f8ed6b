"""House Prices - Advanced Regression Techniques: what a house in Ames, Iowa was sold for."""
