"""Kinds of cancer and blood disorder: the programme's own table, ICD-10-CM, and OncoTree where an operator imported it.

``search`` goes over all three. What is chosen leads to a type of the programme's table, by which checklists and
specialists go; a code is kept beside it.
"""
