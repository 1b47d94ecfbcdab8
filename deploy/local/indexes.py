"""This machine's pip settings, told to uv, npm and the Maven client: whoever set up pip need not do it four times."""

import ast
import os
import subprocess
import sys


def pip_settings() -> dict[str, str]:
    """What `pip config list` says, by option name; a later, nearer source wins. Empty where there is no pip."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    settings: dict[str, str] = {}
    if listed.returncode == 0:
        for line in listed.stdout.splitlines():
            name, separator, value = line.partition("=")
            section, _, option = name.rpartition(".")
            if separator and section in {"global", "install", ":env:"}:
                settings[option] = str(ast.literal_eval(value))
    else:
        for name, value in os.environ.items():
            if name.startswith("PIP_"):
                settings[name[4:].lower().replace("_", "-")] = value
    return settings


def uv_settings() -> dict[str, str]:
    """Environment variables for uv that mean what pip's settings mean; a variable that is set already stays."""
    pip = pip_settings()
    told = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": pip.get("extra-index-url", ""),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "UV_INSECURE_HOST": pip.get("trusted-host", ""),
        "UV_NO_INDEX": "1" if pip.get("no-index", "").lower() in {"1", "true", "yes"} else "",
        "UV_HTTP_TIMEOUT": pip.get("timeout", pip.get("default-timeout", "")),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
        "UV_INDEX_STRATEGY": "unsafe-best-match" if pip.get("extra-index-url") else "",
        "UV_KEYRING_PROVIDER": pip.get("keyring-provider", "") if pip.get("keyring-provider") == "subprocess" else "",
    }
    return {name: value for name, value in told.items() if value and name not in os.environ}


def certificates() -> dict[str, str]:
    """Variables that let npm and the Maven client trust the authorities that pip trusts; what is set already stays."""
    bundle = os.environ.get("SSL_CERT_FILE") or pip_settings().get("cert", "")
    told = {"REQUESTS_CA_BUNDLE": bundle, "NODE_EXTRA_CA_CERTS": bundle, "SSL_CERT_FILE": bundle}
    return {name: value for name, value in told.items() if value and name not in os.environ}
