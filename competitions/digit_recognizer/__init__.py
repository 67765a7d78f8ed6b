"""digit-recognizer: which digit an image of 28 x 28 pixels shows."""
