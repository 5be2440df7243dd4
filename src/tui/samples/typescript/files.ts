// Files stay in the session: run it twice, then look at them in the pane of files.
import { appendFile, readFile, writeFile } from "node:fs/promises";

const notes: string[] = ["milk", "bread", "apples"];
await writeFile("notes.txt", notes.join("\n") + "\n");
await appendFile("runs.log", "one more run\n");

const text = await readFile("notes.txt", "utf8");
const runs = (await readFile("runs.log", "utf8")).trim().split("\n").length;
console.log(`notes.txt has ${text.trim().split("\n").length} lines`);
console.log(`this was run ${runs} time(s) in this session`);
