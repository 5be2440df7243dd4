// Reads what you type: choose the output, press i, type a name and Enter; Ctrl-D ends the input.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin });
let greeted = 0;
console.log("What is your name?");
for await (const name of lines) {
  console.log(`Hello, ${name.trim()}!`);
  greeted += 1;
}
console.log(`greeted: ${greeted}`);
