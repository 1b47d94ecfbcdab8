-- Finance's lists begin with what has been due for longest: a page of them is read without the rest.

CREATE INDEX invoices_by_due ON invoices (due_at, id);
DROP INDEX invoices_newest;
