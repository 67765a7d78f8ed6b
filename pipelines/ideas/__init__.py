"""Does an idea help? Both ways are run on the same folds, and the difference is held against chance."""
