"""What is stored: models by noun, turns, encryption and migrations."""
