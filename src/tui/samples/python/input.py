# Reads what you type: choose the output, press i, type a name and Enter; Ctrl-D ends the input.
import sys

greeted = 0
print("What is your name?", flush=True)
for name in sys.stdin:
    print(f"Hello, {name.strip()}!", flush=True)
    greeted += 1
print("greeted:", greeted)
