# Files stay in the session: run it twice, then look at them in the pane of files.
from pathlib import Path

notes = Path("notes.txt")
notes.write_text("\n".join(["milk", "bread", "apples"]) + "\n")
with open("runs.log", "a") as log:
    log.write("one more run\n")

runs = len(Path("runs.log").read_text().splitlines())
print(f"notes.txt has {len(notes.read_text().splitlines())} lines")
print(f"this was run {runs} time(s) in this session")
