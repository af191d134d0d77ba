"""Detectors of our own for detect-secrets: keys of this platform, and tokens of Cloudflare."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class PlatformKey(RegexBasedDetector):
    """`pl_<tenant>_<32 base62 characters><checksum of 6>`, as contracts/schemas/tenant_credential.json has it."""

    secret_type = "Platform Key"
    denylist = [re.compile(r"\bpl_[a-z0-9][a-z0-9-]*_[0-9A-Za-z]{38}\b")]


class CloudflareToken(RegexBasedDetector):
    """Tokens of the API: 40 characters, which are told by the name that they are given to."""

    secret_type = "Cloudflare Token"
    denylist = [
        re.compile(r"(?i)(?:token|bearer)[\"']?\s*[:= ]\s*[\"']?([A-Za-z0-9_-]{40})(?![A-Za-z0-9_-])"),
    ]
