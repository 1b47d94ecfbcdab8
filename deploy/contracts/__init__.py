"""The published language as files: JSON Schemas, stored examples, AsyncAPI, and the check that contracts only grow."""
