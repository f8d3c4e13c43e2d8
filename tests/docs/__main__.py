"""`python -m tests.docs`: write the parts of `docs/` that are made from the program's tables."""

from tests.docs.reference import MADE, ROOT, WHOLE, with_made

if __name__ == "__main__":
    for file, parts in MADE.items():
        path = ROOT / file
        text = path.read_text()
        for name, make in parts.items():
            text = with_made(text, name, make())
        path.write_text(text)
        print(f"wrote {file}")
    for file, make in WHOLE.items():
        (ROOT / file).write_text(make())
        print(f"wrote {file}")
