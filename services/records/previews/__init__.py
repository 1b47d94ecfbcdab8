"""Pages of documents as images: drawn in the sandbox when they are asked for (``pages``), and ``kept`` a while, sealed."""
