"""Settings of the property tests: the same examples on every machine, every day."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=150)
settings.load_profile("steady")
