"""Untrusted bytes are opened in processes of their own, which can do nothing but think: ``jail`` asks them, ``casting`` keeps
the ``mould`` that they are forked from, ``cell`` is what runs inside, ``confinement`` what the kernel takes away from it.
"""
