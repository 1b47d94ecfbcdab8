"""Cases from request to delivered opinion, or to their money back, driven from outside: by a browser, by mail and by the public JSON."""
