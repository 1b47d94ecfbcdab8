"""Every SQL statement of records: ``cases`` (collections), ``materials`` (what came), ``access`` (who may, who did)."""
