"""Guided architecture search."""
