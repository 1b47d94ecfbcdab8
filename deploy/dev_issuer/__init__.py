"""The development sign-in: made-up people, one click each."""
