-- Who gives a parked record up says why (shared/web/parked_pages.py).
ALTER TABLE parked ADD COLUMN ended_why text;
