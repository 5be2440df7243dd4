// Three waits at once take as long as the longest, not as long as all.
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function cook(dish, ms) {
  await wait(ms);
  console.log(`${dish} is done`);
  return dish;
}

async function main() {
  const begun = Date.now();
  const dishes = await Promise.all([cook("soup", 90), cook("rice", 60), cook("tea", 30)]);
  console.log(`${dishes.join(", ")}: ${Date.now() - begun} ms instead of 180`);
}

main();
