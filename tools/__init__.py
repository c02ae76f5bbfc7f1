"""Helpers that know nothing of the module's models."""
