"""The timeline in words: marked here for translation, said in the reader's language by the pages."""

from services.notify.domain import Action, Actor, Stage
from shared.web.i18n import N_

STAGES: dict[Stage, str] = {
    Stage.ANNOUNCED: N_("Your request is being registered"),
    Stage.REQUESTED: N_("We have received the request"),
    Stage.QUOTED: N_("A quote is waiting for an answer"),
    Stage.DECLINED: N_("The quote was declined"),
    Stage.CONFIRMED: N_("The quote is accepted; the payment comes next"),
    Stage.PAID: N_("The payment has arrived"),
    Stage.COLLECTING: N_("Records are being collected"),
    Stage.COMPLETE: N_("Everything needed is here"),
    Stage.ASSIGNED: N_("A specialist is at work"),
    Stage.DELIVERED: N_("The opinion is ready"),
    Stage.WITHDRAWN: N_("The request has been withdrawn"),
}

ACTORS: dict[Actor, str] = {
    Actor.REQUESTER: N_("The patient's side"),
    Actor.CARE_ADVISOR: N_("Care advisor"),
    Actor.FINANCE: N_("Finance office"),
    Actor.CASE_MANAGER: N_("Case manager"),
    Actor.CLINICAL_TEAM: N_("Clinical team"),
    Actor.SPECIALIST: N_("Specialist"),
    Actor.LOCAL_PHYSICIAN: N_("Local physician"),
}
YOU = N_("You")

ACTIONS: dict[Action, str] = {
    Action.REGISTER: N_("Register the request"),
    Action.CONTACT: N_("Call or write about the request"),
    Action.ACCEPT_QUOTE: N_("Read the quote and decide"),
    Action.RENEW_QUOTE: N_("Make a new quote: the last one has run out"),
    Action.OFFER_AGAIN: N_("Talk about the quote that was declined"),
    Action.PAY: N_("Pay the agreed amount"),
    Action.ASSIGN_CASE_MANAGER: N_("Name the case manager"),
    Action.SEND_MATERIALS: N_("Send the records on the list"),
    Action.FIND_SPECIALIST: N_("Find the right specialist"),
    Action.WRITE_OPINION: N_("Write the opinion"),
    Action.DISCUSS_OPINION: N_("Speak with the patient about the opinion first"),
    Action.ANSWER_QUESTIONS: N_("Answer further questions"),
    Action.REFUND: N_("Check what is to be paid back"),
}

FACTS: dict[str, str] = {
    "RequestSubmitted": N_("Request received"),
    "QuoteOffered": N_("Quote made"),
    "QuoteLeftUnanswered": N_("Reminder of the quote"),
    "QuoteQuestionAnswered": N_("A question about the quote was answered"),
    "QuoteDeclined": N_("Quote declined"),
    "ServicesConfirmed": N_("Quote accepted"),
    "PaymentReceived": N_("Payment received"),
    "RefundIssued": N_("Money sent back"),
    "CollectionOpened": N_("Case manager named; records asked for"),
    "MaterialReturned": N_("A record is needed again"),
    "RecordsComplete": N_("Everything needed has arrived"),
    "SpecialistAssigned": N_("A specialist accepted"),
    "OpinionDelivered": N_("Opinion made available"),
    "CaseWithdrawn": N_("Request withdrawn"),
}

MESSAGES: dict[str, str] = {
    "request_received": "Acknowledgement",
    "quote_offered": "Quote to accept",
    "quote_reminder": "Reminder of a quote",
    "question_answered": "Answer to a question about the quote",
    "quote_declined": "Acknowledgement of a declined quote",
    "services_confirmed": "Confirmation",
    "payment_received": "Receipt",
    "refund_issued": "Refund",
    "materials_invited": "Invitation to send records",
    "material_returned": "Record needed again",
    "materials_chased": "Reminder of records",
    "case_manager_wrote": "Case manager wrote",
    "records_complete": "All records are in",
    "specialist_assigned": "Specialist accepted",
    "opinion_delivered": "Opinion is ready",
    "withdrawn": "Withdrawal",
    "sign_in": "Sign-in link",
    "form_saved": "Link back to an unsent form",
    "call_back_booked": "Call booked",
    "call_back_missed": "Call not answered",
}
"""For staff, whose pages are in English."""

STATES: dict[str, str] = {
    "requested": "About to be sent",
    "sending": "Being tried",
    "sent": "Sent",
    "no_address": "No e-mail address: call instead",
    "bounced": "Refused by the mail server: call instead",
    "failed": "Given up: call instead",
    "withheld": "Not sent: the case was withdrawn, or it had nothing new to say",
    "called": "Told by telephone",
}
