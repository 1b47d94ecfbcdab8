"""Speaking with people: the log of contacts, notes, tasks, calls back, interpreters, colleagues, and requests for callers.

`rules` is pure; each other module holds the steps of its subject, one transaction each.
"""
