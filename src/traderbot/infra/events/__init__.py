"""The journal: envelopes, chains, checkpoints, archives, and reading it back."""
