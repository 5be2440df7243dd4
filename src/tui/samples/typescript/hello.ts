// F5 runs this
const squares: number[] = [1, 2, 3, 4].map((n) => n * n);
console.log("squares:", squares.join(" "));
