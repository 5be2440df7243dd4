// Counts words, the most frequent first.
const text = "the cat and the hat and the bat saw the dog";

const counts = new Map<string, number>();
for (const word of text.split(/\s+/)) {
  counts.set(word, (counts.get(word) ?? 0) + 1);
}

const sorted = [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
for (const [word, count] of sorted.slice(0, 3)) {
  console.log(`${word.padEnd(5)} ${"*".repeat(count)} ${count}`);
}
