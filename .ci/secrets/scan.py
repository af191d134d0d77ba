"""Looks for secrets in every file that is or could be committed, by detect-secrets, and plants some to see that it finds them.

A finding is known where it is a published demo key, the SHA-256 of one or of a committed file, or where known.yaml names it with a reason.
An entry of known.yaml that meets nothing is an error too, so that the list does not outlive what it is for. Nothing is asked of the network,
and comments in files switch nothing off.

    scan.py [--all]         # --all shows every finding, known or not, to write known.yaml by
"""

import base64
import fnmatch
import hashlib
import json
import multiprocessing
import os
import pathlib
import re
import secrets
import string
import subprocess
import sys
import tempfile

import yaml
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import _process_line_based_plugins, scan_file
from detect_secrets.settings import get_settings

HERE = pathlib.Path(__file__).resolve().parent
OWN = f"file://{HERE / 'detectors.py'}"
# Public addresses are no secret, and documentation is full of them.
LEFT_OUT = {"IPPublicDetector"}
# Not is_indirect_reference: it takes every line of Rust that calls something for a reference to a secret, and the secret with it.
FILTERS = ["is_lock_file", "is_non_text_file", "is_sequential_string", "is_templated_secret", "is_not_alphanumeric_string",
           "is_potential_uuid"]


def ready():
    """Sets the library up in this process: every detector of its own but those left out, ours, and the filters named above."""
    names = sorted({kind.__name__ for kind in get_mapping_from_secret_type_to_class().values()} - LEFT_OUT)
    # It keeps what it knew before it is told of ours.
    get_mapping_from_secret_type_to_class.cache_clear()
    settings = get_settings()
    settings.configure_plugins([{"name": name} for name in names])
    settings.configure_plugins([{"name": name, "path": OWN} for name in ("PlatformKey", "CloudflareToken")])
    # It brings filters along: one that believes comments, and some that hide more than they should.
    wanted = {f"detect_secrets.filters.heuristic.{name}" for name in FILTERS} | settings.DEFAULT_FILTERS
    settings.configure_filters([{"path": path} for path in sorted(wanted)])


def of_file(path):
    """What is found in one file, as pairs of kind and value."""
    found = list(scan_file(path))
    # Of a YAML file it reads the values alone, and not the comments.
    if path.endswith((".yaml", ".yml")):
        lines = pathlib.Path(path).read_text().splitlines()
        found += _process_line_based_plugins(list(enumerate(lines, start=1)), path)
    return path, sorted({(secret.type, secret.secret_value) for secret in found})


def search(paths):
    with multiprocessing.Pool(initializer=ready) as pool:
        return {path: found for path, found in pool.imap_unordered(of_file, paths, chunksize=16) if found}


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True)
    return [path for path in listed.stdout.decode().split("\0") if path and os.path.isfile(path) and not os.path.islink(path)]


class Known:
    """What is no secret, and why."""

    def __init__(self, paths):
        text = yaml.safe_load((HERE / "known.yaml").read_text())
        self.generated = text["generated"]
        self.entries = [
            {"files": entry["files"], "values": [re.compile(value) for value in entry["values"]], "why": entry["why"], "met": set()}
            for entry in text["known"]
        ]
        keys = {entry["key"] for entry in yaml.safe_load(pathlib.Path("fixtures/credentials/keys.yaml").read_text())}
        self.plain = keys | {hashlib.sha256(key.encode()).hexdigest() for key in keys}
        self.plain |= {hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() for path in paths}

    def is_generated(self, path):
        return any(fnmatch.fnmatchcase(path, entry["files"]) for entry in self.generated)

    def take_in(self, found):
        """Digests of keys that are known are known too."""
        for path, values in found.items():
            keys = [value for kind, value in values if kind == "Platform Key" and self.has(path, value)]
            self.plain |= {hashlib.sha256(key.encode()).hexdigest() for key in keys}

    def has(self, path, value):
        if value in self.plain:
            return True
        # The list itself writes down what it lets pass.
        if path == ".ci/secrets/known.yaml":
            return any(pattern.fullmatch(value) for entry in self.entries for pattern in entry["values"])
        for entry in self.entries:
            if any(fnmatch.fnmatchcase(path, glob) for glob in entry["files"]):
                for at, pattern in enumerate(entry["values"]):
                    if pattern.fullmatch(value):
                        entry["met"].add(at)
                        return True
        return False

    def idle(self):
        return [
            f"{', '.join(entry['files'])}: {pattern.pattern}"
            for entry in self.entries
            for at, pattern in enumerate(entry["values"])
            if at not in entry["met"]
        ]


def shown(value):
    return f"{value[:6]}… ({len(value)} characters, sha1 {hashlib.sha1(value.encode()).hexdigest()[:12]})"


def plants():
    """Kind, file, and a line of a fresh secret that must be found there. They are made here, so that none stands in this file."""
    base62 = string.digits + string.ascii_letters

    def some(length, letters=base62):
        return "".join(secrets.choice(letters) for _ in range(length))

    upper = string.ascii_uppercase + "234567"

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    token = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': some(12), 'scope': 'admin'})}.{some(43)}"
    return [
        ("Platform Key", "fixtures/tenants/platform.yaml", f"# pl_acme_{some(38)}"),
        ("Platform Key", "fixtures/credentials/keys.yaml", f"# pl_aurora-bikes_{some(38)}"),
        ("Cloudflare Token", "README.md", f"export CLOUDFLARE_API_TOKEN={some(40)}"),
        ("Cloudflare Token", ".github/workflows/drift.yml", f"# PLUMBLINE_PROD_TOKEN: {some(40)}"),
        ("AWS Access Key", "conformance/targets/staging.yaml", f"# AKIA{some(16, upper)}"),
        ("AWS Access Key", "conformance/cases/search/a-found-secret-is-redacted.yaml", f"# AKIA{some(16, upper)}"),
        ("GitHub Token", ".ci/run", f"# ghp_{some(36)}"),
        ("Private Key", "fixtures/deploy.yaml", "# -----BEGIN RSA " + "PRIVATE KEY-----"),
        ("JSON Web Token", "reports/src/redact.rs", f"// {token}"),
        ("Basic Auth Credentials", "reference-impl/docs/mcp.md", f"https://someone:{some(16)}@db.example.org/"),
        ("Base64 High Entropy String", "reference-impl/core/src/safety/secrets.rs", f'const KEY: &str = "{some(48)}";'),
        ("Hex High Entropy String", "fixtures/MANIFEST.yaml", f'  sha256: "{secrets.token_hex(32)}"'),
        ("Hex High Entropy String", "fixtures/tenants/aurora-bikes/tenant.yaml", f'# key_sha256: "{secrets.token_hex(32)}"'),
        ("Secret Keyword", "loadtests/src/main.rs", f'let password = "{some(14)}";  // pragma: allowlist secret'),
    ]


def prove(known):
    """Plants each secret in a copy of its file; gives what was not found."""
    ready()
    missed = []
    root = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        for at, (kind, path, line) in enumerate(plants()):
            copy = pathlib.Path(folder, str(at), path)
            copy.parent.mkdir(parents=True)
            text = pathlib.Path(root, path).read_text()
            copy.write_text(f"{text}\n{line}\n")
            _, found = of_file(str(copy))
            if not any(found_kind == kind and value in line and not known.has(path, value) for found_kind, value in found):
                missed.append(f"a planted {kind} in {path} was not found")
    return missed


def main():
    paths = tracked()
    known = Known(paths)
    looked = [path for path in paths if not known.is_generated(path)]
    found = search(looked)
    known.take_in(found)
    if sys.argv[1:] == ["--all"]:
        for path, values in sorted(found.items()):
            for kind, value in values:
                print(f"{'known  ' if known.has(path, value) else 'UNKNOWN'} {path}: {kind}: {value}")
        return 0
    faults = [
        f"{path}: {kind}: {shown(value)}" for path, values in sorted(found.items()) for kind, value in values if not known.has(path, value)
    ]
    faults += [f"known.yaml: nothing is like this any more, take it out: {entry}" for entry in known.idle()]
    faults += [f"known.yaml: there is no file {entry['files']}" for entry in known.generated if not any(
        fnmatch.fnmatchcase(path, entry["files"]) for path in paths)]
    missed = prove(known)
    for fault in faults + missed:
        print(fault, file=sys.stderr)
    count = sum(len(values) for values in found.values())
    print(f"{len(looked)} files, {count} findings, {len(faults)} of them unknown; {len(plants())} secrets planted, {len(missed)} missed")
    return 100 if faults or missed else 0


if __name__ == "__main__":
    sys.exit(main())
