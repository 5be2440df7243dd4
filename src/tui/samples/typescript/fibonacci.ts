// The same number twice: by calling itself, and step by step. Run it on all runtimes to compare them.
function recursive(n: number): number {
  return n < 2 ? n : recursive(n - 1) + recursive(n - 2);
}

function stepwise(n: number): bigint {
  let [a, b] = [0n, 1n];
  for (let i = 0; i < n; i++) [a, b] = [b, a + b];
  return a;
}

console.log("fibonacci(25) =", recursive(25));
console.log("fibonacci(90) =", stepwise(90).toString());
