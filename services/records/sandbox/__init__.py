"""Untrusted bytes are opened in processes of their own, which can do nothing but think: ``jail`` starts and asks them, ``cell`` is
what runs inside, ``confinement`` what the kernel takes away from it.
"""
