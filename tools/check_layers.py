#!/usr/bin/env python3
"""Fails when a folder includes a header that layers.toml does not allow it."""

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*(?P<open>["<])(?P<path>[^">]+)[">]')


def problems():
    rules = tomllib.loads((ROOT / "layers.toml").read_text())
    layers, exclusive = rules["layers"], rules["exclusive"]
    for folder, allowed in layers.items():
        for source in sorted((ROOT / folder).rglob("*.[hc]pp")):
            place = source.relative_to(ROOT)
            for number, line in enumerate(source.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                path = match["path"]
                target = path.split("/")[0]
                if match["open"] == '"' and not (ROOT / path).is_file():
                    yield f'{place}:{number}: "{path}" is no file of this repository; write the path from its root'
                elif match["open"] == '"' and target in layers:
                    if target != folder and target not in allowed and "*" not in allowed:
                        yield f"{place}:{number}: {folder}/ may not include {target}/ (layers.toml)"
                for header, owners in exclusive.items():
                    inside = any(str(place).startswith(owner + "/") for owner in owners)
                    if path.startswith(header) and not inside:
                        yield f"{place}:{number}: only {', '.join(owners)} may include {header} (layers.toml)"


def main():
    found = list(problems())
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
