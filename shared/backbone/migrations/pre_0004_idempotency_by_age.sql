-- Answers kept for whoever sends again are swept when nobody does any more (shared/backbone/housekeeping.py).
CREATE INDEX idempotency_by_age ON idempotency (created_at);
