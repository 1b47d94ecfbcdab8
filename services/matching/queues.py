"""The queues of matching, and who works from them."""

from shared.staff_queue import Queue

TO_MATCH = Queue("to-match", "Cases that need a specialist", ("clinical_lead", "case_manager"))
MY_OFFERS = Queue("my-offers", "Cases offered to specialists", ("specialist",))
TO_WRITE = Queue("to-write", "Opinions to write", ("specialist",))
TO_DELIVER = Queue("to-deliver", "Opinions that wait for a recipient", ("case_manager", "clinical_lead"))
QUEUES = (TO_MATCH, MY_OFFERS, TO_WRITE, TO_DELIVER)
