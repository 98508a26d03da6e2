"""Databases: one writer, readers, both backends, what their rows are made of."""
