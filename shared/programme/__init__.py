"""The programme: catalogue, composition rules, clocks, calendar, contacts, prices and texts as versioned data (R18).

    from shared import programme

    rules = programme.current("msk_international")          # the newest version; a case stores rules.ref
    rules = programme.load(case.programme)                  # the version that the case began with, for good
    rules.check_selection(["integrative"])                  # [Refusal(code="integrative", rule="R16", sentence=…)]
    rules.price(["comprehensive", "video"])                 # Money: the sum of the sample prices, which are not quotes
    rules.price_range(["integrative"])                      # what may be shown before anybody asks, or None (R19)
    rules.refunds.in_review                                 # per cent of the fee that goes back at this stage (R21)
    rules.imaging.stacks["CT"].thickest_mm                  # what a scan must be to be of use (R25)
    rules.calendar.contact_due(now)                         # the close of the next business day (R12)
    rules.checklist(["comprehensive"], "breast")            # what to send (R23)
    rules.text("consent", "ar"), rules.text_version("consent")

A programme is a file in ``shared/programmes``. Every file is read at the first call; one that breaks a rule stops the
start with its name, its line and the reason.
"""

from shared.programme.calendar import OfficeCalendar
from shared.programme.imaging import Called, Contrast, Imaging, Stack
from shared.programme.loading import ProgrammeRefused, UnknownProgramme, all_programmes, current, load, read_folder
from shared.programme.model import (
    CallBacks,
    CancerType,
    Clocks,
    Contacts,
    Owed,
    Reason,
    Refunds,
    Refusal,
    Requirement,
    Service,
    SlideTravel,
    Travel,
)
from shared.programme.rules import Programme

__all__ = [
    "CallBacks",
    "Called",
    "CancerType",
    "Clocks",
    "Contacts",
    "Contrast",
    "Imaging",
    "OfficeCalendar",
    "Owed",
    "Programme",
    "ProgrammeRefused",
    "Reason",
    "Refunds",
    "Refusal",
    "Requirement",
    "Service",
    "SlideTravel",
    "Stack",
    "Travel",
    "UnknownProgramme",
    "all_programmes",
    "current",
    "load",
    "read_folder",
]
