"""What the lints share: the tree as {path: text}, and a main() with a self-test.

A lint is a function from {path: text} to complaints ("path:line: text"). Beside it stand samples that it must
complain of and samples that it must leave alone; `--self-test` shows both, so that a lint cannot go blind unseen.
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT = re.compile(r"build(-\w+)?$")  # at the top only
TEXT_MAX = 4 << 20


def tree(wanted):
    """{path: text} of the files below TOP whose path satisfies wanted(path)."""
    found = {}
    for folder, subs, files in os.walk(TOP):
        top = folder == TOP
        subs[:] = sorted(s for s in subs if s not in (".git", "__pycache__") and not (top and BUILT.match(s)))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), TOP)
            full = os.path.join(TOP, path)
            if wanted(path) and not os.path.islink(full) and os.path.getsize(full) <= TEXT_MAX:
                with open(full, errors="replace") as f:
                    found[path] = f.read()
    return found


def is_c(path):
    return path.endswith((".c", ".h"))


def is_product_c(path):
    return is_c(path) and path.startswith(("src/", "tools/"))


def code_lines(text):
    """(line number, line) of C text with comments and the insides of string literals blanked."""
    blank = lambda m: re.sub(r"[^\n]", " ", m[0])
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    keep = lambda m: m[0] if m[0].startswith('"') and is_include(text, m.start()) else blank(m)
    return enumerate(re.sub(pattern, keep, text, flags=re.S).split("\n"), 1)


def is_include(text, pos):
    return text[text.rfind("\n", 0, pos) + 1:pos].lstrip().startswith("#")


def self_test(check, bad, good):
    for sample in bad:
        if not check(sample):
            sys.exit(f"self-test: no complaint of {sample}")
    for sample in good:
        if check(sample):
            sys.exit(f"self-test: complaint of {sample}: {check(sample)}")
    print(f"self-test: {len(bad)} bad samples found, {len(good)} good ones left alone")


def main(check, wanted, bad, good=()):
    if sys.argv[1:] == ["--self-test"]:
        self_test(check, bad, good)
        return
    files = tree(wanted)
    complaints = check(files)
    print("\n".join(complaints) or f"{len(files)} files, nothing to complain of")
    sys.exit(1 if complaints else 0)
