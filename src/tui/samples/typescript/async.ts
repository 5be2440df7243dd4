// Three waits at once take as long as the longest, not as long as all.
const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

async function cook(dish: string, ms: number): Promise<string> {
  await wait(ms);
  console.log(`${dish} is done`);
  return dish;
}

const begun = Date.now();
const dishes = await Promise.all([cook("soup", 90), cook("rice", 60), cook("tea", 30)]);
console.log(`${dishes.join(", ")}: ${Date.now() - begun} ms instead of 180`);
