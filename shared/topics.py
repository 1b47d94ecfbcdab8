"""The topics: one per owner, keyed by case id, so that Kafka keeps a case's facts in their order within each."""

INTAKE = "intake.events"
BILLING = "billing.events"
RECORDS = "records.events"
MATCHING = "matching.events"
PARTNER_RECORDS = "partner.records.v1"

FACTS = (INTAKE, BILLING, RECORDS, MATCHING)
PARTITIONS = 6
"""Never changed: with another number a case's later facts could be read before its earlier ones."""
