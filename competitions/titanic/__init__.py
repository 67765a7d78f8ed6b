"""Titanic: who survives."""
