"""The rules of matching, pure: values in, values out; ``now`` is an argument. A broken rule raises ``Refused`` with a
sentence for the person.
"""
