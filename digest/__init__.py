"""A daily email digest: what the day's sources wrote, in their own sentences, in one letter."""

__version__ = "0.1.0"
