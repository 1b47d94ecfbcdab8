"""Pages of documents as images: drawn in the sandbox when they are asked for, and never kept."""
