"""Data of `propylon demo`: manifests as developers write them, and the facts about their cluster."""
