"""What staff work from: one queue per kind of work."""

from shared.staff_queue import Queue

MATERIALS = Queue("materials-to-review", "Materials to review", ("case_manager",))
SUMMARIES = Queue("summaries-to-write", "Case summaries to write and sign", ("case_manager",))
QUESTIONS = Queue("questions-to-answer", "Questions to answer", ("case_manager",))
QUIET = Queue("quiet-collections", "Patients to write to", ("case_manager",))
SLIDES_IN = Queue("slides-to-count", "Slides to count in", ("lab",))
SLIDES_HOME = Queue("slides-to-return", "Slides to send home", ("lab",))

ALL = (MATERIALS, QUESTIONS, SUMMARIES, QUIET, SLIDES_IN, SLIDES_HOME)
