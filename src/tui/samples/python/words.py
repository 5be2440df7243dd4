# Counts words, the most frequent first.
from collections import Counter

text = "the cat and the hat and the bat saw the dog"

counts = Counter(text.split())
for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]:
    print(f"{word:5} {'*' * count} {count}")
