#!/usr/bin/env python3
"""check_skips.py JUNIT.xml ALLOWED.txt: fails when a test was skipped that no pattern allows."""

import pathlib
import re
import sys
import xml.etree.ElementTree as ET


def main(junit, allowed):
    lines = (line.split("#")[0].strip() for line in pathlib.Path(allowed).read_text().splitlines())
    patterns = [re.compile(line) for line in lines if line]
    cases = list(ET.parse(junit).iter("testcase"))
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    wrong = [name for name in skipped if not any(p.fullmatch(name) for p in patterns)]
    print(f"{len(cases)} tests, {len(skipped)} skipped, {len(wrong)} of them not allowed to skip")
    for name in wrong:
        print(f"  {name}", file=sys.stderr)
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
