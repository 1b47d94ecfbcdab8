"""A card provider to play with: no real card, no real money."""
