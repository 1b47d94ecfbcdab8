"""What went wrong on this machine, said so that the reader knows what to do."""


class Trouble(Exception):
    """Stops the launcher; the message is one or two sentences for a person, the last of them says what to do."""
