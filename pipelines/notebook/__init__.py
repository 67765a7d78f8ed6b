"""`pipelines.run(...)` for notebooks: a run whose first screen is shown, and which hands out frames."""
