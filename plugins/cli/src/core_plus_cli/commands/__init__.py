"""The commands, one module each. A module here is imported to see what it offers, so it imports little itself."""
