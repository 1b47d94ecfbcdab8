"""One case from request to delivered opinion, driven from outside: by a browser, by mail and by the public JSON."""
